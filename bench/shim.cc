/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "shim.h"

#include <string>
#include <vector>

#include <benchmark/benchmark.h>

struct bench_state {
	benchmark::State &state;
};

namespace
{

/* The console is the caller's. */
class Silent : public benchmark::BenchmarkReporter
{
      public:
	bool ReportContext(const Context &) override
	{
		return true;
	}
	void ReportRuns(const std::vector<Run> &) override
	{
	}
};

bool (*filter)(const char *name);

} // namespace

void bench_filter(bool (*wanted)(const char *name))
{
	filter = wanted;
}

void bench_context(const char *key, const char *value)
{
	benchmark::AddCustomContext(key, value);
}

bool bench_register(const char *name, unsigned int iterations, bench_fn fn, void *arg)
{
	if (filter && !filter(name))
		return false;
	benchmark::RegisterBenchmark(name,
				     [fn, arg](benchmark::State &state) {
					     bench_state s = { state };

					     fn(&s, arg);
				     })
		->Iterations(iterations)
		->UseManualTime()
		->Unit(benchmark::kMicrosecond);
	return true;
}

bool bench_keep_running(struct bench_state *state)
{
	return state->state.KeepRunning();
}

void bench_iteration_seconds(struct bench_state *state, double seconds)
{
	state->state.SetIterationTime(seconds);
}

void bench_counter(struct bench_state *state, const char *name, double value)
{
	state->state.counters[name] = value;
}

void bench_label(struct bench_state *state, const char *text)
{
	state->state.SetLabel(text);
}

void bench_fail(struct bench_state *state, const char *message)
{
	state->state.SkipWithError(message);
}

unsigned int bench_run_all(const char *path)
{
	std::string program = "iodirty-bench";
	std::string out = std::string("--benchmark_out=") + (path ? path : "");
	std::string format = "--benchmark_out_format=json";
	char *argv[] = { &program[0], &out[0], &format[0], nullptr };
	int argc = path ? 3 : 1;
	Silent silent;
	unsigned int ran;

	benchmark::Initialize(&argc, argv);
	ran = benchmark::RunSpecifiedBenchmarks(&silent);
	benchmark::Shutdown();
	return ran;
}
