/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A file that was opened for reading is mapped for a device to write to. */
#include "kernel.h"

#include <unistd.h>

int main(void)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.length = PAGE,
		.iova = IOVA,
	};
	int memfd = memfd_create("file", 0);
	char path[64];
	int ret;

	must(ftruncate(memfd, PAGE), "a memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memfd);
	arg.fd = open(path, O_RDONLY);
	must(arg.fd < 0, path);
	arg.ioas_id = ioas_alloc();
	ret = call(IOMMU_IOAS_MAP_FILE, &arg);
	must(ret == -ENOTTY ? ret : 0, "IOMMU_IOAS_MAP_FILE");
	return shown(!ret, "MAP_FILE, WRITEABLE, of a descriptor for reading returns %d", ret);
}
