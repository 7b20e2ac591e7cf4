using System.Collections.Immutable;
using CsCheck;
using Portolan.Netlink.Core;
using Portolan.Netlink.NfTables;
using Portolan.Netlink.NfTables.Expressions;

namespace Portolan.Netlink.Tests.NfTables;

public sealed class ExpressionTests
{
    [Theory]
    [MemberData(nameof(ReaderTests.Programs), MemberType = typeof(ReaderTests))]
    public void Expressions_are_decoded_as_they_were_encoded(string name, string chain, ImmutableArray<NfExpression> program)
    {
        using var writer = new MessageWriter();
        foreach (NfExpression expression in program)
            expression.Write(writer);
        Assert.True(NfExpressionDecoder.TryReadList(new AttributeReader(writer.Written), out ImmutableArray<NfExpression> decoded),
            $"{name} in {chain}");
        Assert.Equal(program, decoded);
    }

    [Fact]
    public void An_expression_of_an_unknown_kind_keeps_its_name_and_bytes()
    {
        var osf = new NfUnknownExpression("osf", new NfData([8, 0, 1, 0, 0, 0, 0, 1]));
        using var writer = new MessageWriter();
        osf.Write(writer);
        Assert.True(NfExpressionDecoder.TryReadList(new AttributeReader(writer.Written), out ImmutableArray<NfExpression> decoded));
        Assert.Equal([osf], decoded);
    }

    [Fact]
    public void A_known_expression_of_an_unexpected_form_is_kept_as_unknown()
    {
        // A cmp whose register has two bytes.
        var strange = new NfUnknownExpression("cmp", new NfData([6, 0, 1, 0, 0, 1, 0, 0]));
        using var writer = new MessageWriter();
        strange.Write(writer);
        Assert.True(NfExpressionDecoder.TryReadList(new AttributeReader(writer.Written), out ImmutableArray<NfExpression> decoded));
        Assert.Equal([strange], decoded);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 9)]
    [InlineData(3, 11)]
    [InlineData(4, 2)]
    [InlineData(12, 4)]
    [InlineData(15, 23)]
    public void A_register_has_the_number_the_kernel_lists(int slot, int number)
    {
        Assert.Equal((uint)number, NfRegister.At(slot).Number);
        Assert.True(NfRegister.TryFromNumber((uint)number, out NfRegister read));
        Assert.Equal(NfRegister.At(slot), read);
        // Both numbers of one place are one register: 8 is the first four bytes of 1.
        Assert.True(NfRegister.TryFromNumber((uint)slot + 8, out NfRegister small));
        Assert.Equal(read, small);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(7)]
    [InlineData(24)]
    [InlineData(int.MaxValue)]
    public void A_number_that_is_no_register_is_refused(int number) => Assert.False(NfRegister.TryFromNumber((uint)number, out _));

    [Fact]
    public void A_nest_of_64_KiB_is_refused_rather_than_wrapped()
    {
        using var writer = new MessageWriter();
        int nest = writer.BeginNest(1);
        for (int index = 0; index < 10; index++)
            writer.PutBytes(1, new byte[10_000]);
        Assert.Throws<OverflowException>(() => writer.EndNest(nest));
        Assert.Throws<OverflowException>(() => writer.PutBytes(1, new byte[65_532]));
        writer.PutBytes(1, new byte[65_531]);
    }

    [Fact]
    public void What_is_written_is_read_back_attribute_by_attribute() =>
        Gen.Select(Gen.Int[1, 0x3fff], Gen.Byte.Array[0, 100]).Array[0, 30].Sample(attributes =>
        {
            using var writer = new MessageWriter();
            foreach ((int type, byte[] value) in attributes)
                writer.PutBytes((ushort)type, value);
            var reader = new AttributeReader(writer.Written);
            foreach ((int type, byte[] value) in attributes)
            {
                Assert.True(reader.MoveNext());
                Assert.Equal(type, reader.Type);
                Assert.Equal(value, reader.Value.ToArray());
            }
            Assert.False(reader.MoveNext() || reader.IsMalformed);
        }, iter: 2_000);
}
