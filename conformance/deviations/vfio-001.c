/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A GET_BITMAP that fails shifts the mapping's own bits: the next one is wrong. */
#include "type1.h"

int main(int argc, char **argv)
{
	struct {
		__u32 argsz, flags;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get = { .iova = IOVA, .size = 64 * PAGE, .bitmap = { .pgsize = PAGE, .size = 8 } },
	};
	__u64 bits = 0;
	int failed;

	type1_open(argc, argv);
	must(type1_map(memory(10), 10, IOVA + 3 * PAGE), "VFIO_IOMMU_MAP_DMA");
	arg.get.bitmap.data = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	failed = call(VFIO_IOMMU_DIRTY_PAGES, &arg);
	arg.get.bitmap.data = &bits;
	must(call(VFIO_IOMMU_DIRTY_PAGES, &arg), "VFIO_IOMMU_DIRTY_PAGES, GET_BITMAP");
	return shown(failed && bits != 0x1ff8,
		     "pages 3 to 12 are mapped (0x1ff8); after a GET that failed (%d): %#llx",
		     failed, bits);
}
