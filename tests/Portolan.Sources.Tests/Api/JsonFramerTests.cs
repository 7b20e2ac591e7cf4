using System.Text;
using System.Text.Json;
using Portolan.Sources.Api;

namespace Portolan.Sources.Tests.Api;

public class JsonFramerTests
{
    private const string List =
        """
        {"kind":"ServiceList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"x"},
         "extra":{"items":[{"not":"this"}],"metadata":{}},"items":[{"a":{"items":[{}]}}, {"b":"}{\"\\"} ,{}]}
        """;

    [Fact]
    public async Task A_list_falls_into_its_items_and_metadata_however_it_arrives()
    {
        for (int piece = 1; piece < 60; piece++)
        {
            Assert.Equal(
                ["Metadata {\"resourceVersion\":\"7\",\"continue\":\"x\"}", "Item {\"a\":{\"items\":[{}]}}",
                    "Item {\"b\":\"}{\\\"\\\\\"}", "Item {}"],
                await FramesAsync(List, FrameLayout.List, piece));
        }
    }

    [Fact]
    public async Task A_stream_falls_into_its_objects_however_it_arrives()
    {
        for (int piece = 1; piece < 20; piece++)
        {
            Assert.Equal(
                ["Item {\"a\":1}", "Item {\"b\":{\"c\":[{}]}}", "Item {}"],
                await FramesAsync("{\"a\":1}\n{\"b\":{\"c\":[{}]}}{} \r\n", FrameLayout.Stream, piece));
        }
    }

    [Fact]
    public async Task An_object_larger_than_the_buffer_is_read()
    {
        string large = $"{{\"a\":\"{new string('x', 300_000)}\"}}";
        Assert.Equal(["Item {}", $"Item {large}", "Item {}"], await FramesAsync($"{{}}\n{large}\n{{}}", FrameLayout.Stream, 10_000));
    }

    [Theory]
    [InlineData("{\"items\":null,\"metadata\":{}}", 1)]
    [InlineData("{\"items\":[],\"metadata\":{}}", 1)]
    [InlineData("{}", 0)]
    public async Task Lists_without_items_are_empty(string list, int frames) =>
        Assert.Equal(frames, (await FramesAsync(list, FrameLayout.List, 3)).Count);

    [Theory]
    [InlineData("{\"items\":[{}", true)]
    [InlineData("{\"a\":", false)]
    [InlineData("", true)]
    public async Task An_answer_that_ends_early_is_an_error(string json, bool isList) =>
        await Assert.ThrowsAsync<EndOfStreamException>(() => FramesAsync(json, isList ? FrameLayout.List : FrameLayout.Stream, 100));

    [Theory]
    [InlineData("<html>")]
    [InlineData("{\"a\":1}}")]
    [InlineData("\0\0\0")]
    public async Task What_is_no_JSON_is_an_error(string garbage) =>
        await Assert.ThrowsAnyAsync<JsonException>(() => FramesAsync(garbage, FrameLayout.Stream, 100));

    [Fact]
    public async Task An_object_without_an_end_does_not_fill_the_memory() =>
        await Assert.ThrowsAsync<InvalidDataException>(() =>
        FramesAsync($"{{\"a\":\"{new string('x', 17 << 20)}", FrameLayout.Stream, 1 << 20));

    private static async Task<List<string>> FramesAsync(string text, FrameLayout layout, int piece)
    {
        var frames = new List<string>();
        var framer = new JsonFramer(new Pieces(Encoding.UTF8.GetBytes(text), piece), layout);
        for (FrameKind kind; (kind = await framer.ReadAsync(TestContext.Current.CancellationToken)) != FrameKind.None;)
            frames.Add($"{kind} {Encoding.UTF8.GetString(framer.Frame)}");
        return frames;
    }

    private sealed class Pieces(byte[] bytes, int size) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
