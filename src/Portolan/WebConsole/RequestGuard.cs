using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Portolan.WebConsole;

/// <summary>
/// Who may ask. A page of another site in the same browser may not: neither by a name of its own that it lets point here (the Host header),
/// nor by sending files (Origin, Sec-Fetch-Site). With an address beyond loopback a token is required.
/// </summary>
internal sealed class RequestGuard
{
    private const string Cookie = "portolan-console";
    private const string Policy =
        "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

    private readonly IPEndPoint _address;
    private readonly byte[]? _token;

    /// <param name="address">Where the console listens.</param>
    /// <param name="token">What a person must know; null on loopback without one.</param>
    internal RequestGuard(IPEndPoint address, string? token)
    {
        _address = address;
        _token = token is null ? null : Encoding.UTF8.GetBytes(token);
    }

    /// <summary>Sets what every answer carries; false when the request was refused and answered.</summary>
    internal async Task<bool> AdmitAsync(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
        HttpRequest request = context.Request;
        if (!IsOwnName(request.Host.Host))
        {
            // 421: this server does not answer for that name.
            return await RefuseAsync(context, StatusCodes.Status421MisdirectedRequest,
                $"The console does not answer under this name. Open it by its address, {_address}, or by 'localhost'.");
        }
        if (!HttpMethods.IsGet(request.Method) && !HttpMethods.IsHead(request.Method) && !HttpMethods.IsPost(request.Method))
            return await RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, "The console is read-only.");
        if (_token is not null && !await HasTokenAsync(context))
            return false;
        return true;
    }

    /// <summary>True for a request that the console's own page makes, not a page of another site.</summary>
    internal static bool IsOfOwnPage(HttpRequest request)
    {
        string site = request.Headers["Sec-Fetch-Site"].ToString();
        if (site.Length > 0)
            return site is "same-origin" or "none";
        string origin = request.Headers.Origin.ToString();
        // Programs such as curl send neither.
        return origin.Length == 0 || origin == $"{request.Scheme}://{request.Host}";
    }

    // Another site can let its name point at this address, but not become one of these names.
    private bool IsOwnName(string host)
    {
        host = host.Trim('[', ']');
        if (host.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            return true;
        // Names of the machine itself are as good as its address where a token is asked for.
        if (!IPAddress.TryParse(host, out IPAddress? address))
            return _token is not null;
        return IPAddress.IsLoopback(address) || address.Equals(_address.Address) || _token is not null;
    }

    private async Task<bool> HasTokenAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        if (request.Cookies.TryGetValue(Cookie, out string? kept) && IsToken(kept))
            return true;
        const string bearer = "Bearer ";
        string authorization = request.Headers.Authorization.ToString();
        if (authorization.StartsWith(bearer, StringComparison.OrdinalIgnoreCase) && IsToken(authorization[bearer.Length..].Trim()))
            return true;
        if (request.Query.TryGetValue("token", out var given) && given is [{ } token] && IsToken(token))
        {
            context.Response.Cookies.Append(Cookie, token, new CookieOptions
            {
                HttpOnly = true,
                SameSite = SameSiteMode.Strict,
                Secure = request.IsHttps,
                Path = "/",
            });
            // Once taken, the token leaves the address, which people copy to each other.
            context.Response.StatusCode = StatusCodes.Status303SeeOther;
            context.Response.Headers.Location = "/";
            return false;
        }
        return await RefuseAsync(context, StatusCodes.Status401Unauthorized,
            "The console asks for its token: open the address that it printed when it started, which ends in ?token=…");
    }

    private bool IsToken(string text) => CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(text), _token!);

    private static async Task<bool> RefuseAsync(HttpContext context, int code, string why)
    {
        context.Response.StatusCode = code;
        await ConsoleAnswers.TextAsync(context, why);
        return false;
    }
}
