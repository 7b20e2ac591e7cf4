using System.Text.Json.Serialization;

namespace Portolan.Bench;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ControlPlaneResult))]
internal sealed partial class BenchJson : JsonSerializerContext;
