using System.Reflection;
using Portolan.Inet;
using Portolan.Inspect.Descriptions;
using Portolan.Inspect.Programmed;
using Portolan.Inspect.Simulation;
using Portolan.Rules.Model;

namespace Portolan.Inspect.Tests;

/// <summary>
/// The simulator and the descriptions know every kind of statement and expression there is: a kind that is added to the model and forgotten
/// there fails here (a condition fails to compile).
/// </summary>
public sealed class EveryKindTests
{
    public static TheoryData<string> Statements { get; } = [.. KindsOf<Statement>()];

    public static TheoryData<string> Expressions { get; } = [.. KindsOf<Expression>()];

    [Theory]
    [MemberData(nameof(Statements))]
    public void Every_statement_is_carried_out_and_described(string kind)
    {
        var statement = (Statement)Sample(TypeOf(kind));
        Ruleset rules = RulesOf(statement);

        Assert.NotEmpty(Dumps.Trace(rules, Dumps.Tcp("203.0.113.9", "10.0.0.1", 80)).Outcomes);
        Assert.DoesNotContain(kind, Words(rules), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Expressions))]
    public void Every_expression_has_a_value_and_is_described(string kind)
    {
        Ruleset rules = RulesOf(new AssignStatement(new SelectorExpression(PacketField.MetaMark), (Expression)Sample(TypeOf(kind))));

        Assert.NotEmpty(Dumps.Trace(rules, Dumps.Tcp("203.0.113.9", "10.0.0.1", 80)).Outcomes);
        Assert.DoesNotContain(kind, Words(rules), StringComparison.Ordinal);
    }

    [Fact]
    public void All_that_decides_a_packets_future_takes_part_in_its_equality()
    {
        var fields = typeof(PacketFacts)
            .GetFields(BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.DeclaredOnly);
        Assert.True(fields.Length > 20);
        foreach (FieldInfo field in fields)
        {
            PacketState state = new(), other = new();
            field.SetValue(other, Sample(field.FieldType));
            Assert.True(state != other, $"{field.Name} is left out");
        }
        Assert.Equal(new PacketState { Probability = 0.5 }, new PacketState());
    }

    private static string Words(Ruleset rules) =>
        RuleDescription.Of(rules.Tables[0].Chains[0].Rules[0], new ChainGuide(ServiceCatalogue.Read(Ruleset.Empty)));

    private static Ruleset RulesOf(Statement statement) => new()
    {
        Tables =
        [
            new RuleTable
            {
                Family = TableFamily.Ip,
                Name = "test",
                Backend = RuleBackend.Nftables,
                Format = RuleFormat.NftText,
                Chains =
                [
                    new Chain
                    {
                        Name = "prerouting",
                        Base = new BaseChain(ChainType.Nat, Hook.Prerouting, -100, VerdictKind.Accept),
                        Rules = [new Rule { Statements = [statement] }],
                    },
                ],
            },
        ],
    };

    private static IEnumerable<string> KindsOf<T>() =>
        typeof(T).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(T)) && !type.IsAbstract).Select(type => type.Name)
        .Order(StringComparer.Ordinal);

    private static Type TypeOf(string kind) => typeof(Statement).Assembly.GetTypes().Single(type => type.Name == kind);

    /// <summary>A value that is not the type's default.</summary>
    private static object Sample(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return "sample";
        if (type == typeof(bool))
            return true;
        if (type == typeof(InetAddress))
            return InetAddress.Parse("10.0.0.7");
        if (type == typeof(InetPrefix))
            return InetPrefix.Parse("10.0.0.0/8");
        if (type == typeof(TimeSpan))
            return TimeSpan.FromSeconds(1);
        if (type == typeof(Expression))
            return new NumberValue(7);
        if (type == typeof(Verdict))
            return Verdict.Accept;
        if (type == typeof(Fact))
            return new EntryLifetime();
        if (type.IsEnum)
            return Enum.ToObject(type, 1);
        if (type.IsPrimitive)
            return Convert.ChangeType(3, type, System.Globalization.CultureInfo.InvariantCulture);
        if (type == typeof(object))
            return "sample";
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(EquatableArray<>))
            return Activator.CreateInstance(type)!;
        ConstructorInfo constructor = type.GetConstructors(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .Where(constructor => !constructor.GetParameters()
            .Any(parameter => parameter.ParameterType == type && parameter.Name == "original"))
            .MaxBy(constructor => constructor.GetParameters().Length)!;
        return constructor.Invoke([.. constructor.GetParameters()
            .Select(parameter => parameter.ParameterType == type || parameter.Name is "place" ? null : Sample(parameter.ParameterType))]);
    }
}
