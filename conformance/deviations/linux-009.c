/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* MAP_DMA of a VFIO container takes a mapping that nobody may read or write. */
#include "abi/vfio.h"
#include "kernel.h"

int main(void)
{
	struct iommu_vfio_ioas set = { .size = sizeof(set), .op = IOMMU_VFIO_IOAS_SET };
	struct vfio_iommu_type1_dma_map arg = { .argsz = sizeof(arg), .iova = IOVA, .size = PAGE };
	int ret;

	set.ioas_id = ioas_alloc();
	must(call(IOMMU_VFIO_IOAS, &set), "IOMMU_VFIO_IOAS");
	arg.vaddr = (uintptr_t)mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ret = call(VFIO_IOMMU_MAP_DMA, &arg);
	return shown(!ret, "VFIO_IOMMU_MAP_DMA with no flags returns %d", ret);
}
