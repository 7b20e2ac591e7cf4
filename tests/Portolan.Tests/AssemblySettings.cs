// Each test starts processes of its own in a namespace of its own; a few at a time keep a small machine responsive.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
