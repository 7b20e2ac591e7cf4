using System.Text;
using System.Text.RegularExpressions;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Microsoft.Playwright;
using Portolan.Testing.Proxies;

namespace Portolan.Browser.Tests;

/// <summary>The console's page in a real browser, against the real program.</summary>
public sealed class PageTests(BrowserFixture browser) : IClassFixture<BrowserFixture>
{
    private static string Data => Path.Combine(AppContext.BaseDirectory, "data");

    private static string[] OfHarbor =>
    [
        "--rules", Path.Combine(Data, "harbor", "kube-proxy-1.36", "iptables-save.txt"),
        "--manifests", Path.Combine(Data, "harbor", "cluster.yaml"), "--node", "node-a",
    ];

    public static TheoryData<string, string> Screens => new()
    {
        { "", "Services" },
        { "#/service?name=shop%2Fpayments%3Ahttps", "shop/payments:https" },
        { "#/packet?src=outside&dst=shop%2Fcart", "Packet" },
        { "#/findings", "Findings" },
        { "#/costs", "O(n): rules before each service" },
        { "#/nodes", "Nodes" },
        { "#/timeline", "Timeline" },
        { "#/drop", "Read a file" },
    };

    [Fact]
    public async Task Which_service_is_broken_for_whom_and_where_the_packet_stops_is_one_click_away()
    {
        using ConsoleProcess console = Start(OfHarbor);
        IPage page = await browser.OpenAsync();
        await page.GotoAsync(Address(console));

        ILocator first = page.GetByRole(AriaRole.Row).Nth(1);
        await Assertions.Expect(first).ToContainTextAsync("fails");
        await Assertions.Expect(first).ToContainTextAsync("shop/empty:http");
        await Assertions.Expect(first).ToContainTextAsync("no pod matches the selector");
        await Assertions.Expect(page.GetByRole(AriaRole.Row).Nth(2)).ToContainTextAsync("limited");

        await first.GetByRole(AriaRole.Link).First.ClickAsync();

        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync("shop/empty:http");
        ILocator diagnosis = page.GetByRole(AriaRole.Region, new() { Name = "Diagnosis" });
        await Assertions.Expect(diagnosis).ToContainTextAsync("Rejected");
        await Assertions.Expect(diagnosis).ToContainTextAsync("from a pod");
        await Assertions.Expect(diagnosis).ToContainTextAsync("filter KUBE-SERVICES rule 1");
        await Assertions.Expect(page.GetByText("portolan why shop/empty:http").First).ToBeVisibleAsync();
    }

    [Fact]
    public async Task The_list_is_searched_as_one_types_and_the_address_keeps_it()
    {
        using ConsoleProcess console = Start(OfHarbor);
        IPage page = await browser.OpenAsync();
        await page.GotoAsync(Address(console));
        await Assertions.Expect(page.GetByRole(AriaRole.Grid)).ToContainTextAsync("shop/payments:https");

        await page.Keyboard.PressAsync("/");
        await Assertions.Expect(page.GetByRole(AriaRole.Searchbox)).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("172.30.10.3");

        await Assertions.Expect(page.GetByRole(AriaRole.Row)).ToHaveCountAsync(2);
        await Assertions.Expect(page.GetByRole(AriaRole.Row).Nth(1)).ToContainTextAsync("shop/payments:https");
        // The address follows when typing pauses.
        await Assertions.Expect(page).ToHaveURLAsync(new Regex("q=172"));
        await page.ReloadAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Row)).ToHaveCountAsync(2);
    }

    [Theory]
    [MemberData(nameof(Screens))]
    public async Task Every_screen_can_be_used_by_everybody_and_asks_nobody_else(string address, string heading)
    {
        using ConsoleProcess console = Start(OfHarbor);
        foreach ((int width, ColorScheme colors) in ((int, ColorScheme)[])[(1280, ColorScheme.Light), (390, ColorScheme.Dark)])
        {
            IPage page = await browser.OpenAsync(width, 844);
            await page.EmulateMediaAsync(new() { ColorScheme = colors });
            var faults = new List<string>();
            page.PageError += (_, error) => faults.Add(error);
            page.Request += (_, request) =>
            {
                if (!request.Url.StartsWith(Address(console), StringComparison.Ordinal)
                    && !request.Url.StartsWith("data:", StringComparison.Ordinal))
                    faults.Add($"asked {request.Url}");
            };
            page.Console += (_, message) =>
            {
                // A screen that this input has nothing for says so; the browser notes the answer as well.
                if (message.Type == "error" && !message.Text.Contains("404", StringComparison.Ordinal))
                    faults.Add(message.Text);
            };

            await page.GotoAsync(Address(console) + address);
            await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync(heading);
            await page.WaitForLoadStateAsync(LoadState.DOMContentLoaded);
            await Assertions.Expect(page.Locator("main")).Not.ToContainTextAsync("Reading");

            AxeResult result = await page.RunAxe();
            Assert.True(result.Violations.Length == 0, string.Join('\n', result.Violations.Select(violation =>
                $"{violation.Id}: {violation.Help}: {string.Join("; ", violation.Nodes.Select(node => node.Html))}")));
            Assert.Empty(faults);
            Assert.True(await page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= document.documentElement.clientWidth"),
                $"{heading} is wider than {width} pixels");
            await page.CloseAsync();
        }
    }

    [Fact]
    public async Task A_dropped_article_gets_all_of_it()
    {
        using ConsoleProcess console = Start(OfHarbor);
        IPage page = await browser.OpenAsync();
        await page.GotoAsync(Address(console) + "#/drop");

        await page.Locator("input[type=file]").First.SetInputFilesAsync(Path.Combine(Data, "article.md"));

        await Assertions.Expect(page.GetByRole(AriaRole.Grid)).ToContainTextAsync("default/testsvc");
        Assert.Matches("source=[0-9a-f]{32}", page.Url);
        await page.GetByRole(AriaRole.Link, new() { Name = "default/testsvc" }).First.ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync("default/testsvc");
        await Assertions.Expect(page.Locator("main svg").First).ToBeVisibleAsync();
    }

    [Theory]
    [InlineData("<img src=x onerror=alert(1)>")]
    [InlineData("javascript:alert(1)")]
    [InlineData("\u202Egnp.exe")]
    public async Task Names_are_text_whatever_they_are(string name)
    {
        using ConsoleProcess console = Start(OfHarbor);
        IPage page = await browser.OpenAsync();
        bool hasAlerted = false;
        page.Dialog += async (_, dialog) =>
        {
            hasAlerted = true;
            await dialog.DismissAsync();
        };
        await page.GotoAsync(Address(console) + "#/drop");
        string rules = $"""
            *nat
            :PREROUTING ACCEPT [0:0]
            :KUBE-SERVICES - [0:0]
            :KUBE-SVC-AAAAAAAAAAAAAAAA - [0:0]
            :KUBE-SEP-BBBBBBBBBBBBBBBB - [0:0]
            -A PREROUTING -j KUBE-SERVICES
            -A KUBE-SERVICES -d 172.30.0.7/32 -p tcp -m comment --comment "default/{name} cluster IP" -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
            -A KUBE-SVC-AAAAAAAAAAAAAAAA -m comment --comment "default/{name}" -j KUBE-SEP-BBBBBBBBBBBBBBBB
            -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -m comment --comment "default/{name}" -m tcp -j DNAT --to-destination 10.244.1.5:8080
            COMMIT
            """;

        await page.Locator("input[type=file]").First.SetInputFilesAsync(new FilePayload
        {
            Name = $"{name}.txt",
            MimeType = "text/plain",
            Buffer = Encoding.UTF8.GetBytes(rules),
        });

        await Assertions.Expect(page.GetByRole(AriaRole.Grid)).ToContainTextAsync("172.30.0.7:80");
        await page.GetByRole(AriaRole.Row).Nth(1).GetByRole(AriaRole.Link).First.ClickAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToBeVisibleAsync();
        await Assertions.Expect(page.Locator("main svg").First).ToBeVisibleAsync();
        Assert.False(hasAlerted);
        Assert.Equal(0, await page.Locator("img").CountAsync());
        Assert.DoesNotContain('\u202E', await page.Locator("body").InnerTextAsync());
    }

    [Fact]
    public async Task The_page_outlives_the_console_and_finds_it_again()
    {
        IPage page = await browser.OpenAsync();
        string address;
        using (ConsoleProcess console = Start(OfHarbor))
        {
            address = Address(console);
            await page.GotoAsync(address);
            await Assertions.Expect(page.GetByRole(AriaRole.Grid)).ToContainTextAsync("shop/empty:http");
        }
        await Assertions.Expect(page.GetByText("Connection lost, trying again.")).ToBeVisibleAsync();
        await Assertions.Expect(page.GetByRole(AriaRole.Grid)).ToContainTextAsync("shop/empty:http");

        using ConsoleProcess again = Start([.. OfHarbor, "--listen", Regex.Match(address, "127[^/]+").Value]);

        await Assertions.Expect(page.GetByText("Connection lost, trying again.")).ToBeHiddenAsync();
    }

    private static string Address(ConsoleProcess console) => console.Http.BaseAddress!.ToString();

    private static ConsoleProcess Start(params string[] arguments)
    {
        ConsoleProcess console = ConsoleProcess.Start(arguments);
        if (console.WhyNot is { } reason)
            Assert.Skip(reason);
        return console;
    }
}
