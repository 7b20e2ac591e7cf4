using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Checks;
using Portolan.Inspect.Causes;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Graphs;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Answers;

/// <summary>
/// The JSON of all answers, without reflection at run time, as NativeAOT requires; docs/chart-json.md is the schema. Fields are written in
/// the order in which the records declare them, and keep their names and meanings once they are released.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    GenerationMode = JsonSourceGenerationMode.Metadata,
    // Unknown outcomes nest: a candidate may be unknown itself.
    MaxDepth = 512,
    Converters =
    [
        typeof(AddressConverter), typeof(PrefixConverter), typeof(EndpointConverter), typeof(ProtocolConverter), typeof(WriterConverter),
        typeof(NamedEnumConverter<IpFamily>), typeof(NamedEnumConverter<ProgrammedKind>), typeof(LowerCaseEnumConverter<ProgrammedState>),
        typeof(LowerCaseEnumConverter<TableFamily>), typeof(LowerCaseEnumConverter<Hook>), typeof(LowerCaseEnumConverter<OutcomeVerdict>),
        typeof(LowerCaseEnumConverter<FindingSeverity>), typeof(LowerCaseEnumConverter<GraphNodeKind>),
        typeof(LowerCaseEnumConverter<MasqueradeMark>),
        typeof(LowerCaseEnumConverter<ClientPlace>), typeof(LowerCaseEnumConverter<InputKind>),
        typeof(LowerCaseEnumConverter<DiagnosisState>),
    ])]
[JsonSerializable(typeof(RulesAnswer))]
[JsonSerializable(typeof(ServicesAnswer))]
[JsonSerializable(typeof(CountersAnswer))]
[JsonSerializable(typeof(ExplainAnswer))]
[JsonSerializable(typeof(GraphAnswer))]
[JsonSerializable(typeof(CheckAnswer))]
[JsonSerializable(typeof(TraceAnswer))]
[JsonSerializable(typeof(WhyAnswer))]
[JsonSerializable(typeof(NodesAnswer))]
[JsonSerializable(typeof(WatchStepAnswer))]
[JsonSerializable(typeof(WatchRuleAnswer))]
[JsonSerializable(typeof(WatchPacketAnswer))]
public sealed partial class AnswersJsonContext : JsonSerializerContext;
