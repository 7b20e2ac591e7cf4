using Xunit.v3;

// One page at a time: several only wait for each other's processor time.
[assembly: Parallelization(MaxThreads = 1)]
