using System.Globalization;

namespace Portolan.Inspect.Descriptions;

/// <summary>Shares of endpoints in words.</summary>
public static class ShareText
{
    /// <summary>
    /// The most that shares may differ by rounding alone: kube-proxy before 1.19 prints five digits ("0.14286"), so a share computed from
    /// them is off by some 1e-5.
    /// </summary>
    public const double Rounding = 3e-5;

    /// <summary>"1/7" when the share is 1/n within rounding, else "0.1429".</summary>
    public static string Of(double share)
    {
        if (double.IsNaN(share))
            return "unknown";
        if (share <= 0)
            return "0";
        double count = Math.Round(1 / share);
        return Math.Abs(1 / count - share) < Rounding && count < 5000
            ? count <= 1 ? "1" : $"1/{count.ToString(CultureInfo.InvariantCulture)}"
            : share.ToString("0.######", CultureInfo.InvariantCulture);
    }
}
