/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "targets.h"

const struct target_driver *const targets[] = {
	&target_ref, &target_linux, &target_module, &target_vfio, NULL,
};

const struct target_driver *target_find(const char *spec, const char **arg)
{
	size_t length = strcspn(spec, ":");
	const struct target_driver *const *t;

	for (t = targets; *t; t++) {
		if (strlen((*t)->name) == length && !memcmp((*t)->name, spec, length)) {
			*arg = spec[length] ? spec + length + 1 : NULL;
			return *t;
		}
	}
	return NULL;
}

const char *target_cap_name(uint64_t cap)
{
	static const struct {
		uint64_t cap;
		const char *name;
	} names[] = {
		{ TARGET_DMA, "dma" },
		{ TARGET_ATOMIC, "atomic" },
		{ TARGET_STREAM, "stream" },
		{ TARGET_PASID, "pasid" },
		{ TARGET_ACCESS, "access" },
		{ TARGET_TEST_DIRTY, "test-dirty" },
		{ TARGET_LEAF, "leaf" },
		{ TARGET_NO_DIRTY_DEV, "no-dirty-dev" },
		{ TARGET_FAIL_NTH, "fail-nth" },
		{ TARGET_STATS, "stats" },
		{ TARGET_MEMLOCK, "memlock" },
		{ TARGET_UNPLUG, "unplug" },
		{ TARGET_SHARED_IOMMU, "shared-iommu" },
		{ TARGET_RESERVED, "reserved" },
		{ TARGET_VFIO_COMPAT, "vfio-compat" },
		{ TARGET_NESTED, "nested" },
		{ TARGET_TRACK, "track" },
		{ TARGET_REFERENCE, "reference" },
		{ TARGET_TYPE1, "type1" },
		{ TARGET_CACHES, "caches" },
		{ TARGET_ATS, "ats" },
		{ TARGET_SPLIT, "split" },
		{ TARGET_STAGE1, "stage1" },
		{ TARGET_VFIO, "vfio" },
		{ TARGET_UNMAP_DIRTY, "unmap-dirty" },
		{ TARGET_ENGINE, "engine" },
		{ TARGET_RECORD, "record" },
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].cap == cap)
			return names[i].name;
	return NULL;
}
