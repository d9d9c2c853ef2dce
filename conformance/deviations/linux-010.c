/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* UNMAP_DMA of a type1 container that is refused has cut the mapping all the same. */
#include "abi/vfio.h"
#include "kernel.h"

int main(void)
{
	struct iommu_vfio_ioas set = { .size = sizeof(set), .op = IOMMU_VFIO_IOAS_SET };
	struct vfio_iommu_type1_dma_unmap part = { .argsz = sizeof(part) };
	struct iommu_ioas_unmap end = { .size = sizeof(end) };
	void *mem =
		mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int refused, ret;

	end.ioas_id = set.ioas_id = ioas_alloc();
	must(call(IOMMU_VFIO_IOAS, &set), "IOMMU_VFIO_IOAS");
	must(call(VFIO_SET_IOMMU, (void *)VFIO_TYPE1_IOMMU), "VFIO_SET_IOMMU");
	must(device(set.ioas_id, 0, NULL, NULL), "IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS");
	must(map(set.ioas_id, mem, 8 * PAGE, IOVA), "IOMMU_IOAS_MAP");
	/* From the middle of page 2, where nothing can be cut, to page 4, where it can. */
	part.iova = IOVA + 2 * PAGE + PAGE / 2;
	part.size = 2 * PAGE - PAGE / 2;
	refused = call(VFIO_IOMMU_UNMAP_DMA, &part);
	end.iova = IOVA + 4 * PAGE;
	end.length = 4 * PAGE;
	ret = call(IOMMU_IOAS_UNMAP, &end);
	return shown(refused && !ret, "a refused unmap (%d), then one of a part: %d", refused, ret);
}
