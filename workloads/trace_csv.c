/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace csv: a trace for whoever reads text; `convert --from csv` is the way back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "trace.h"
#include "trace_commands.h"

int trace_csv_main(const struct command *command, int argc, char **argv)
{
	char error[WORKLOAD_ERROR];
	struct workload *w;
	struct access a;
	int ret, exit_code = EXIT_CODE_PASSED;

	if (argc != 2 || argv[1][0] == '-')
		return usage_error(command, "csv takes a FILE, one");
	w = trace_open(argv[1], error);
	if (!w)
		return trace_failed(error);
	printf("ns,device,pasid,write,iova,length\n");
	while ((ret = w->next(w, &a)) > 0 && !ferror(stdout))
		printf("%" PRIu64 ",%" PRIu32 ",%" PRIu32 ",%d,0x%" PRIx64 ",%" PRIu64 "\n", a.ns,
		       a.device, a.pasid, a.write, a.iova, a.length);
	if (ret < 0) {
		exit_code = trace_failed(w->error);
	} else if (ferror(stdout) || fflush(stdout)) {
		fprintf(stderr, "iodirty: trace: standard output cannot be written: %s\n",
			strerror(errno));
		exit_code = EXIT_CODE_FAILED;
	}
	workload_close(w);
	return exit_code;
}
