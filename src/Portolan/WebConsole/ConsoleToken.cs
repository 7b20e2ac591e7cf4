using System.Net;
using System.Security.Cryptography;

namespace Portolan.WebConsole;

/// <summary>The token that viewers must know where the console is reachable from other machines.</summary>
internal static class ConsoleToken
{
    private const int Shortest = 16;
    private const int Longest = 1024;

    /// <summary>The token of a file; a new one for an address beyond loopback; none on loopback.</summary>
    internal static bool TryRead(string? file, IPAddress address, out string? token, out string problem)
    {
        (token, problem) = (null, string.Empty);
        if (file is null)
        {
            token = IPAddress.IsLoopback(address) ? null : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
            return true;
        }
        try
        {
            using var reader = new StreamReader(file);
            char[] text = new char[Longest + 1];
            token = new string(text, 0, reader.ReadBlock(text)).Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            problem = $"{file} cannot be read: {failure.Message}";
            return false;
        }
        if (token.Length is >= Shortest and <= Longest && token.All(char.IsAsciiLetterOrDigit))
            return true;
        problem = $"{file} does not hold a token: letters and digits, at least {Shortest}.";
        return false;
    }

    /// <summary>What a person opens in a browser.</summary>
    internal static string AddressOf(IPEndPoint address, string? token)
    {
        bool isAll = address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any);
        string place = isAll ? $"localhost:{address.Port}" : address.ToString();
        return $"http://{place}/{(token is null ? "" : $"?token={token}")}";
    }
}
