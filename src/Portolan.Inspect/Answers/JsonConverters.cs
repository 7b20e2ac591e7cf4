using System.Text.Json;
using System.Text.Json.Serialization;
using Portolan.Inet;
using Portolan.Inspect.Programmed;

namespace Portolan.Inspect.Answers;

/// <summary>Values that are strings in JSON.</summary>
internal abstract class TextConverter<T> : JsonConverter<T>
{
    public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && TryParse(reader.GetString()!, out T? value) ? value! : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(ToText(value));

    protected abstract string ToText(T value);

    protected abstract bool TryParse(string text, out T? value);
}

/// <summary>Enumerations by the names of the Kubernetes API and of IP: "ClusterIP", "IPv4".</summary>
internal class NamedEnumConverter<T> : TextConverter<T>
    where T : struct, Enum
{
    protected override string ToText(T value) => value.ToString();

    protected override bool TryParse(string text, out T value) => Enum.TryParse(text, ignoreCase: true, out value);
}

/// <summary>Enumerations in lower case: "forward", "prerouting".</summary>
internal sealed class LowerCaseEnumConverter<T> : NamedEnumConverter<T>
    where T : struct, Enum
{
    protected override string ToText(T value) => value.ToString().ToLowerInvariant();
}

internal sealed class AddressConverter : TextConverter<InetAddress>
{
    protected override string ToText(InetAddress value) => value.ToString();

    protected override bool TryParse(string text, out InetAddress value) => InetAddress.TryParse(text, out value);
}

internal sealed class PrefixConverter : TextConverter<InetPrefix>
{
    protected override string ToText(InetPrefix value) => value.ToString();

    protected override bool TryParse(string text, out InetPrefix value) => InetPrefix.TryParse(text, out value);
}

internal sealed class EndpointConverter : TextConverter<InetEndpoint>
{
    protected override string ToText(InetEndpoint value) => value.ToString();

    protected override bool TryParse(string text, out InetEndpoint value) => InetEndpoint.TryParse(text, out value);
}

/// <summary>As rules write protocols: "tcp", or a number.</summary>
internal sealed class ProtocolConverter : TextConverter<IpProtocol>
{
    protected override string ToText(IpProtocol value) => value.ToRuleText();

    protected override bool TryParse(string text, out IpProtocol value) => IpProtocols.TryParse(text, out value);
}

internal sealed class WriterConverter : TextConverter<RuleWriter>
{
    private const string Iptables = "kube-proxy iptables";
    private const string Nftables = "kube-proxy nftables";
    private const string Ipvs = "kube-proxy ipvs";
    private const string PortolanIpvs = "portolan ipvs";
    private const string OtherIpvs = "ipvs";
    private const string Userspace = "kube-proxy userspace";
    private const string Portolan = "portolan";

    protected override string ToText(RuleWriter value) => value switch
    {
        RuleWriter.KubeProxyIptables => Iptables,
        RuleWriter.KubeProxyNftables => Nftables,
        RuleWriter.KubeProxyIpvs => Ipvs,
        RuleWriter.PortolanIpvs => PortolanIpvs,
        RuleWriter.Ipvs => OtherIpvs,
        RuleWriter.KubeProxyUserspace => Userspace,
        _ => Portolan,
    };

    protected override bool TryParse(string text, out RuleWriter value)
    {
        value = text switch
        {
            Iptables => RuleWriter.KubeProxyIptables,
            Nftables => RuleWriter.KubeProxyNftables,
            Ipvs => RuleWriter.KubeProxyIpvs,
            PortolanIpvs => RuleWriter.PortolanIpvs,
            OtherIpvs => RuleWriter.Ipvs,
            Userspace => RuleWriter.KubeProxyUserspace,
            _ => RuleWriter.Portolan,
        };
        return text is Iptables or Nftables or Ipvs or PortolanIpvs or OtherIpvs or Userspace or Portolan;
    }
}

/// <summary>Numbers rounded to their significant digits.</summary>
/// <param name="digits">Digits after the decimal point.</param>
internal abstract class RoundedConverter(int digits) : JsonConverter<double>
{
    public override bool HandleNull => true;

    public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Null ? double.NaN : reader.GetDouble();

    public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
    {
        // JSON has no number for "unknown".
        if (double.IsNaN(value))
            writer.WriteNullValue();
        else
            writer.WriteNumberValue(Math.Round(value, digits));
    }
}

/// <summary>Shares are computed from the probabilities in rules, which have five to eleven digits.</summary>
internal sealed class ShareConverter() : RoundedConverter(6);

internal sealed class ProbabilityConverter() : RoundedConverter(9);
