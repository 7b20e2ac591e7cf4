using System.Net;
using System.Text;
using System.Text.Json;
using Portolan.Sources.Objects;

namespace Portolan.Sources.Api;

/// <summary>A request the API server refused: its meta/v1 Status, typed.</summary>
internal sealed class ApiException(HttpStatusCode status, string message, TimeSpan? retryAfter) : Exception(message)
{
    private const int LongestStatus = 16 << 10;

    public HttpStatusCode Status { get; } = status;

    /// <summary>When the server wants to be asked again.</summary>
    public TimeSpan? RetryAfter { get; } = retryAfter;

    /// <summary>The resource version asked for is compacted, or the continue token is too old.</summary>
    public bool IsExpired => Status == HttpStatusCode.Gone;

    /// <summary>
    /// The resource version asked for is ahead of the server's own, which was restored or is behind (apiserver storage/errors.go); a load
    /// balancer's 504 is none of this.
    /// </summary>
    public bool IsAhead => Status == HttpStatusCode.GatewayTimeout
        && Message.Contains("Too large resource version", StringComparison.Ordinal);

    /// <summary>From an answer other than 200.</summary>
    public static async Task<ApiException> FromAsync(HttpResponseMessage response, CancellationToken cancel)
    {
        TimeSpan? retryAfter = response.Headers.RetryAfter?.Delta;
        byte[] body = new byte[LongestStatus];
        int length = 0;
        await using (Stream content = await response.Content.ReadAsStreamAsync(cancel).ConfigureAwait(false))
            length = await content.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, cancel).ConfigureAwait(false);
        (_, string message) = ReadStatus(body.AsSpan(0, length));
        return new ApiException(response.StatusCode, message.Length > 0 ? message : response.ReasonPhrase ?? "", retryAfter);
    }

    /// <summary>From the object of an ERROR event in a watch.</summary>
    public static ApiException FromStatus(ReadOnlySpan<byte> json)
    {
        (int code, string message) = ReadStatus(json);
        return new ApiException((HttpStatusCode)(code == 0 ? 500 : code), message, null);
    }

    private static (int Code, string Message) ReadStatus(ReadOnlySpan<byte> json)
    {
        int code = 0;
        string message = "";
        try
        {
            var reader = new ObjectJson(json, new ProblemNotes());
            if (!reader.EnterObject())
                return (0, "");
            while (reader.NextProperty())
            {
                if (reader.Is("code"u8))
                    code = reader.Integer(0, 999, "") ?? 0;
                else if (reader.Is("message"u8))
                    message = reader.String() ?? "";
                else
                    reader.Skip();
            }
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // A load balancer's page or cut JSON: its beginning says more than nothing.
            return (code, Text.Printable(Encoding.UTF8.GetString(json[..Math.Min(json.Length, 100)])));
        }
        return (code, Text.Printable(message));
    }
}
