using System.Collections.Frozen;
using System.IO.Compression;
using Microsoft.AspNetCore.Http;

namespace Portolan.WebConsole;

/// <summary>The page's files, which the build packs and puts into the binary.</summary>
internal static class PageFiles
{
    private const string Prefix = "page/";

    private static readonly FrozenDictionary<string, string> s_types = new Dictionary<string, string>
    {
        [".html"] = "text/html; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".svg"] = "image/svg+xml",
        [".png"] = "image/png",
        [".txt"] = "text/plain; charset=utf-8",
        [".webmanifest"] = "application/manifest+json",
    }.ToFrozenDictionary();

    /// <summary>False for a build without node, which leaves the page out.</summary>
    internal static bool ArePresent { get; } = Find("index.html") is not null;

    /// <summary>Sends a file; false when there is none of that name.</summary>
    internal static async Task<bool> TrySendAsync(HttpContext context, string path)
    {
        string name = path is "" or "/" ? "index.html" : path.TrimStart('/');
        Stream? found = Find(name);
        if (found is null || !s_types.TryGetValue(Path.GetExtension(name), out string? type))
            return false;
        await using (found)
        {
            HttpResponse response = context.Response;
            response.ContentType = type;
            // Each build has files of its own under the same names.
            response.Headers.CacheControl = "no-cache";
            if (context.Request.Headers.AcceptEncoding.ToString().Contains("gzip", StringComparison.OrdinalIgnoreCase))
            {
                response.Headers.ContentEncoding = "gzip";
                response.ContentLength = found.Length;
                await found.CopyToAsync(response.Body, context.RequestAborted);
                return true;
            }
            var plain = new GZipStream(found, CompressionMode.Decompress);
            await using (plain)
                await plain.CopyToAsync(response.Body, context.RequestAborted);
            return true;
        }
    }

    // Only names that the build put in exist: no path leads anywhere else.
    private static Stream? Find(string name) => typeof(PageFiles).Assembly.GetManifestResourceStream($"{Prefix}{name}.gz");
}
