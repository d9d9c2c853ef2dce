/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Two harvests at once of the same page: a warning in the kernel's log. */
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "kernel.h"

static uint32_t hwpt;

static void *harvest(void *arg)
{
	uint8_t bitmap = 0;
	time_t end = time(NULL) + 3;

	while (time(NULL) < end)
		must(get(hwpt, IOVA, 8 * PAGE, PAGE, &bitmap), "IOMMU_HWPT_GET_DIRTY_BITMAP");
	return arg;
}

/* Since boot: the kernel warns of it once. */
static bool warned(void)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	char record[8192];
	ssize_t size;

	must(log < 0, "/dev/kmsg");
	while ((size = read(log, record, sizeof(record) - 1)) > 0) {
		record[size] = '\0';
		if (strstr(record, "WARNING: ") && strstr(record, "iommufd/selftest.c:"))
			return true;
	}
	return false;
}

int main(void)
{
	time_t end = time(NULL) + 3;
	pthread_t threads[2];
	uint32_t ioas;

	hwpt = tracked(8, &ioas);
	for (int i = 0; i < 2; i++)
		must(pthread_create(&threads[i], NULL, harvest, NULL), "a thread");
	while (time(NULL) < end)
		for (int i = 0; i < 8; i++)
			mark(hwpt, IOVA + i * PAGE);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	must(warned() ? 0 : -EAGAIN, "no race was seen");
	return shown(true, "the kernel's log has a warning");
}
