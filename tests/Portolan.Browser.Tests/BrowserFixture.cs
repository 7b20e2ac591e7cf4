using Microsoft.Playwright;

namespace Portolan.Browser.Tests;

/// <summary>The browser of this machine, for all tests of the assembly.</summary>
public sealed class BrowserFixture : IAsyncLifetime
{
    private const float Patience = 60_000;

    private static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];
    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async ValueTask InitializeAsync()
    {
        string? program = s_names.SelectMany(static name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':')
            .Select(folder => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        if (program is null)
            return;
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = ["--no-sandbox"] });
    }

    /// <summary>A new page; skips the test where there is no browser.</summary>
    public async Task<IPage> OpenAsync(int width = 1280, int height = 800)
    {
        if (_browser is null)
            Assert.Skip("there is no chromium here");
        IPage page = await _browser.NewPageAsync(new() { ViewportSize = new() { Width = width, Height = height } });
        // Long enough for a machine that is busy with other things; a wait that goes well ends at once.
        page.SetDefaultTimeout(Patience);
        Assertions.SetDefaultExpectTimeout(Patience);
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        if (_browser is not null)
            await _browser.DisposeAsync();
        _playwright?.Dispose();
    }
}
