using System.Text.Json.Serialization;

namespace Portolan.Inspect.Answers;

/// <summary>
/// How answers are written as JSON; docs/chart-json.md is the schema. Fields are written in the order in which the records declare them, without
/// reflection at run time, as NativeAOT requires.
/// </summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Metadata, MaxDepth = 512)]
[JsonSerializable(typeof(TraceAnswer))]
[JsonSerializable(typeof(ServicesAnswer))]
[JsonSerializable(typeof(CountersAnswer))]
[JsonSerializable(typeof(ExplainAnswer))]
[JsonSerializable(typeof(CheckAnswer))]
[JsonSerializable(typeof(RulesAnswer))]
[JsonSerializable(typeof(GraphAnswer))]
[JsonSerializable(typeof(WatchStep))]
[JsonSerializable(typeof(WatchRuleStep))]
[JsonSerializable(typeof(WatchEnd))]
public sealed partial class AnswersJsonContext : JsonSerializerContext;
