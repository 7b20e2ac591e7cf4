using System.Globalization;
using Portolan.Services.Cluster;

namespace Portolan.Sources.Objects;

/// <summary>The part of metadata that counts here (meta/v1 ObjectMeta).</summary>
internal struct Metadata
{
    public string? Namespace { get; private set; }

    public string? Name { get; private set; }

    public string? Uid { get; private set; }

    public string? ResourceVersion { get; private set; }

    public DateTimeOffset Created { get; private set; }

    public bool IsBeingDeleted { get; private set; }

    /// <summary>Label kubernetes.io/service-name.</summary>
    public string? ServiceName { get; private set; }

    /// <summary>Label service.kubernetes.io/service-proxy-name is present, whatever its value.</summary>
    public bool HasOtherProxy { get; private set; }

    /// <summary>Label service.kubernetes.io/headless is present, whatever its value.</summary>
    public bool IsHeadless { get; private set; }

    /// <summary>Label topology.kubernetes.io/zone.</summary>
    public string? Zone { get; private set; }

    /// <summary>Annotation endpoints.kubernetes.io/last-change-trigger-time, UTC; the default for none, or one that is no time.</summary>
    public DateTime LastChangeTrigger { get; private set; }

    /// <summary>Annotation portolan.dev/ipvs-scheduler; null without one.</summary>
    public string? IpvsScheduler { get; private set; }

    public void Read(ref ObjectJson json, StringPool pool)
    {
        this = default;
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.Is("name"u8))
                Name = json.String();
            else if (json.Is("namespace"u8))
                Namespace = json.PooledString(pool);
            else if (json.Is("uid"u8))
                Uid = json.String();
            else if (json.Is("resourceVersion"u8))
                ResourceVersion = json.String();
            else if (json.Is("creationTimestamp"u8))
                Created = ReadTime(ref json);
            else if (json.Is("deletionTimestamp"u8))
                IsBeingDeleted = json.String() is not null;
            else if (json.Is("labels"u8))
                ReadLabels(ref json, pool);
            else if (json.Is("annotations"u8))
                ReadAnnotations(ref json, pool);
            else
                json.Skip();
        }
    }

    /// <summary>
    /// True when the name can be used. Kubernetes accepts lower-case letters, digits, '-' and '.' for these kinds, up to 253 characters;
    /// upper case and '_' are harmless and accepted too. Anything else (quotes, newlines, markup, a slash) cannot come from an API server,
    /// would end up in logs, rule comments and web pages, and is refused here once for all of them.
    /// </summary>
    public static bool IsUsableName(string? name) =>
        name is { Length: > 0 and <= 253 } && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_');

    /// <summary>The object's name; namespaced objects without a namespace are in "default", as kubectl applies them.</summary>
    public readonly ObjectName NameOf(ObjectKind kind) => new(
        kind is ObjectKind.Service or ObjectKind.EndpointSlice ? (string.IsNullOrEmpty(Namespace) ? "default" : Namespace) : "",
        Name ?? "");

    private static DateTimeOffset ReadTime(ref ObjectJson json)
    {
        if (json.String() is not { } text)
            return default;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
            return time;
        json.Note($"'{Text.Printable(text)}' is not a time; taken as unknown");
        return default;
    }

    // The time is for a metric alone: what cannot be read is no problem of the object.
    private void ReadAnnotations(ref ObjectJson json, StringPool pool)
    {
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.Is("portolan.dev/ipvs-scheduler"u8))
                IpvsScheduler = json.PooledString(pool);
            else if (!json.Is("endpoints.kubernetes.io/last-change-trigger-time"u8))
                json.Skip();
            else if (json.String() is { } text && DateTime.TryParse(text, CultureInfo.InvariantCulture,
                DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out DateTime time))
                LastChangeTrigger = time;
        }
    }

    private void ReadLabels(ref ObjectJson json, StringPool pool)
    {
        if (!json.EnterObject())
            return;
        while (json.NextProperty())
        {
            if (json.Is("kubernetes.io/service-name"u8))
            {
                ServiceName = json.String();
            }
            else if (json.Is("topology.kubernetes.io/zone"u8))
            {
                Zone = json.PooledString(pool);
            }
            else if (json.Is("service.kubernetes.io/service-proxy-name"u8))
            {
                HasOtherProxy = true;
                json.Skip();
            }
            else if (json.Is("service.kubernetes.io/headless"u8))
            {
                IsHeadless = true;
                json.Skip();
            }
            else
            {
                json.Skip();
            }
        }
    }
}
