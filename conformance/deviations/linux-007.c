/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* User-mode Linux: a clear_user() of more than INT_MAX bytes ends the kernel. */
#include "kernel.h"

int main(void)
{
	uint32_t ioas = ioas_alloc(), dev;
	struct iommu_hw_info arg = { .size = sizeof(arg), .data_len = 0xffffffff };
	int ret;

	must(device(ioas, 0, NULL, &dev), "IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS");
	arg.dev_id = dev;
	arg.data_uptr = (uintptr_t)mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ret = call(IOMMU_GET_HW_INFO, &arg);
	return shown(false, "GET_HW_INFO with a buffer of 4 GiB returns %d", ret);
}
