using System.Text.Json;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>The JSON of all answers; docs/chart-json.md describes it. Fields keep their names and meanings once they are released.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    Converters =
    [
        typeof(AddressConverter), typeof(PrefixConverter), typeof(EndpointConverter), typeof(ProtocolConverter), typeof(WriterConverter),
        typeof(NamedEnumConverter<IpFamily>), typeof(NamedEnumConverter<ProgrammedKind>), typeof(LowerCaseEnumConverter<ProgrammedState>),
        typeof(LowerCaseEnumConverter<TableFamily>), typeof(LowerCaseEnumConverter<Hook>), typeof(LowerCaseEnumConverter<OutcomeVerdict>),
        typeof(LowerCaseEnumConverter<FindingSeverity>), typeof(LowerCaseEnumConverter<GraphNodeKind>), typeof(LowerCaseEnumConverter<ClientPlace>),
        typeof(LowerCaseEnumConverter<InputKind>),
    ])]
[JsonSerializable(typeof(RulesAnswer))]
[JsonSerializable(typeof(ServicesAnswer))]
[JsonSerializable(typeof(CountersAnswer))]
[JsonSerializable(typeof(ExplainAnswer))]
[JsonSerializable(typeof(GraphAnswer))]
[JsonSerializable(typeof(CheckAnswer))]
[JsonSerializable(typeof(TraceAnswer))]
[JsonSerializable(typeof(WatchStepAnswer))]
[JsonSerializable(typeof(WatchRuleAnswer))]
[JsonSerializable(typeof(WatchPacketAnswer))]
public sealed partial class AnswersJsonContext : JsonSerializerContext
{
    // Made when it is first asked for: the generated Default is made in the same static constructor, in an order that is not ours.
    private static AnswersJsonContext? _oneLine;

    /// <summary>The same without line breaks, for answers that come one after the other.</summary>
    public static AnswersJsonContext OneLine => _oneLine ??= new(new JsonSerializerOptions(Default.Options) { WriteIndented = false });
}
