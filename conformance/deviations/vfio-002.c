/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An UNMAP_DMA that fails has unmapped, and says as little in its size. */
#include "type1.h"

int main(int argc, char **argv)
{
	struct {
		__u32 argsz, flags;
		__u64 iova, size;
		struct vfio_bitmap bitmap;
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.iova = IOVA,
		.size = 128 * PAGE,
		.bitmap = { .pgsize = PAGE, .size = 16 },
	};
	uint8_t *mem = memory(128), *room = memory(2);
	int failed, again;

	type1_open(argc, argv);
	must(type1_map(mem, 64, IOVA), "VFIO_IOMMU_MAP_DMA");
	must(type1_map(mem + 64 * PAGE, 64, IOVA + 64 * PAGE), "VFIO_IOMMU_MAP_DMA");
	/* The first word of the bitmap can be written, the second cannot. */
	mprotect(room + PAGE, PAGE, PROT_NONE);
	arg.bitmap.data = (void *)(room + PAGE - 8);
	failed = call(VFIO_IOMMU_UNMAP_DMA, &arg);
	again = type1_map(mem, 64, IOVA);
	return shown(failed && !again && arg.size == 128 * PAGE,
		     "unmap: %d, size %llu as before; its first mapping again: %d", failed,
		     arg.size, again);
}
