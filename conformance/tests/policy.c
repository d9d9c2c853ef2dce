/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter POLICY: each test asks who tracks which source (policy.h), does what it is told,
 * and holds the union of what the trackers report against what the sources wrote.
 */
#include "log.h"
#include "policy_vmm.h"

#define LOGS (IODIRTY_VFIO_LOG | IODIRTY_VFIO_NO_DIRTY)

#define POLICY_TEST(ident, req, ...) \
	CT_TEST(ident, req, .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO, ##__VA_ARGS__)

/* An access is to whole pages, of which areas of smaller leaves may begin in the midst. */
static const char *whole_pages(const struct ct_config *config)
{
	return config->leaf_lg2 < 12 ? "a software device reaches whole pages" : NULL;
}

/* Two rounds: pages of their own, and one of all; what the first reported is clean. */
static void write_and_expect(struct vmm *v)
{
	u64 round;
	size_t i;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < v->n; i++) {
			vmm_write(v, i, 5 * i + round);
			vmm_write(v, i, VMM_PAGES - 2 + round);
		}
		vmm_expect(v);
	}
	vmm_expect(v);
}

static void start_all(struct vmm *v)
{
	ct_check(vmm_start(v), "refused: %s", v->answer.why);
}

/* What becomes of large leaves can be said while tracking is off only. */
static void expect_hwpt_off(const struct vmm *v, size_t i, bool off)
{
	if (ct.t->caps & TARGET_SPLIT)
		x_err(off ? 0 : EBUSY, ct_split(v->can[i].hwpt, IODIRTY_SPLIT_KEEP));
}

POLICY_TEST(policy_all_by_device, "POLICY-001", .requires = whole_pages)
{
	struct vmm v;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, LOGS);
	vmm_add(&v, IODIRTY_VFIO_MDEV, IODIRTY_VFIO_LOG);
	vmm_add(&v, IODIRTY_VFIO_PCI, LOGS);
	start_all(&v);
	vmm_expect_tracker(&v, 0, POLICY_DEVICE);
	vmm_expect_tracker(&v, 1, POLICY_DEVICE);
	vmm_expect_tracker(&v, 2, POLICY_DEVICE);
	write_and_expect(&v);
}

/* One log for the device and its PASID, over the same memory. */
POLICY_TEST(policy_log_of_pasids, "POLICY-001")
{
	struct vmm v;

	vmm_open(&v);
	vmm_add_with_pasid(&v, LOGS);
	start_all(&v);
	vmm_expect_tracker(&v, 0, POLICY_DEVICE);
	vmm_expect_tracker(&v, 1, POLICY_DEVICE);
	ct_check(v.answer.n_logs == 1, "%zu logs of one device", v.answer.n_logs);
	write_and_expect(&v);
}

POLICY_TEST(policy_all_by_iommu, "POLICY-002")
{
	struct vmm v;
	size_t i;

	vmm_open(&v);
	for (i = 0; i < 3; i++)
		vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	start_all(&v);
	for (i = 0; i < 3; i++)
		vmm_expect_tracker(&v, i, POLICY_IOMMU);
	write_and_expect(&v);
}

/* A device by its own requests, and a PASID of it, each by its HWPT. */
POLICY_TEST(policy_iommu_by_pasid, "POLICY-002")
{
	bool tracks = ct.config.format.flags & IODIRTY_FORMAT_DIRTY_PASID;
	struct vmm v;

	vmm_open(&v);
	vmm_add_with_pasid(&v, 0);
	if (!tracks) {
		ct_check(!vmm_start(&v), "a PASID that no table tracks is not refused");
		ct_check(v.answer.n_nobody == 2, "%zu sources are tracked by nobody",
			 v.answer.n_nobody);
		return;
	}
	start_all(&v);
	vmm_expect_tracker(&v, 1, POLICY_IOMMU);
	ct_check(v.answer.n_hwpts == 2, "%zu HWPTs", v.answer.n_hwpts);
	write_and_expect(&v);
}

POLICY_TEST(policy_mixed, "POLICY-003", .requires = whole_pages)
{
	bool pasids = ct.config.format.flags & IODIRTY_FORMAT_DIRTY_PASID;
	struct vmm v;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, LOGS);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	vmm_add(&v, IODIRTY_VFIO_MDEV, IODIRTY_VFIO_LOG);
	if (pasids)
		vmm_add(&v, IODIRTY_VFIO_MDEV_PASID, 0);
	start_all(&v);
	vmm_expect_tracker(&v, 0, POLICY_DEVICE);
	vmm_expect_tracker(&v, 1, POLICY_IOMMU);
	vmm_expect_tracker(&v, 2, POLICY_DEVICE);
	if (pasids)
		vmm_expect_tracker(&v, 3, POLICY_IOMMU);
	write_and_expect(&v);
}

/* Both can: one does, as is preferred, and the other is left alone. */
POLICY_TEST(policy_prefers, "POLICY-004")
{
	int iommu;

	for (iommu = 0; iommu < 2; iommu++) {
		struct vmm v;
		u8 bits[VMM_PAGES];

		vmm_open(&v);
		v.options.prefer_iommu = iommu;
		vmm_add(&v, IODIRTY_VFIO_PCI, IODIRTY_VFIO_LOG);
		start_all(&v);
		vmm_expect_tracker(&v, 0, iommu ? POLICY_IOMMU : POLICY_DEVICE);
		expect_hwpt_off(&v, 0, !iommu);
		x_err(iommu ? EINVAL : 0,
		      log_report(v.sources[0].fd, v.s.iova, v.s.length, v.page, bits));
		write_and_expect(&v);
	}
}

/* What nobody tracks: refused, with nothing started; or, if that is allowed, all is dirty. */
static void untracked(u32 kind, u32 flags, bool plain)
{
	struct vmm v;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	v.plain = plain;
	vmm_add(&v, kind, flags);
	ct_check(!vmm_start(&v), "a source that nobody tracks is not refused");
	ct_check(v.answer.refused_by == 1 && v.answer.why, "source %zu is refused",
		 v.answer.refused_by);
	expect_hwpt_off(&v, 0, true);

	v.options.allow_all_dirty = true;
	start_all(&v);
	vmm_expect_tracker(&v, 0, POLICY_IOMMU);
	vmm_expect_tracker(&v, 1, POLICY_NOBODY);
	write_and_expect(&v);
}

POLICY_TEST(policy_untracked, "POLICY-005")
{
	untracked(IODIRTY_VFIO_PCI, IODIRTY_VFIO_NO_DIRTY, false);
}

POLICY_TEST(policy_untracked_mdev, "POLICY-005", .requires = whole_pages)
{
	untracked(IODIRTY_VFIO_MDEV, 0, false);
}

POLICY_TEST(policy_untracked_table, "POLICY-005")
{
	untracked(IODIRTY_VFIO_PCI, 0, true);
}

/* One of each kind comes while the first is tracked: its first write is reported, and none
 * of the others' is lost. */
POLICY_TEST(policy_joins, "POLICY-006", .requires = whole_pages)
{
	static const struct {
		u32 kind, flags;
		enum policy_tracker tracker;
	} joins[] = {
		{ IODIRTY_VFIO_PCI, LOGS, POLICY_DEVICE },
		{ IODIRTY_VFIO_PCI, 0, POLICY_IOMMU },
		{ IODIRTY_VFIO_MDEV, IODIRTY_VFIO_LOG, POLICY_DEVICE },
	};
	struct vmm v;
	size_t i;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	start_all(&v);
	for (i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
		vmm_write(&v, 0, 40 + i);
		ct_check(vmm_join(&v, joins[i].kind, joins[i].flags), "refused");
		vmm_expect_tracker(&v, i + 1, joins[i].tracker);
		vmm_write(&v, i + 1, 50 + i);
		vmm_expect(&v);
	}
	write_and_expect(&v);
}

POLICY_TEST(policy_joins_untracked, "POLICY-007")
{
	struct vmm v;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	start_all(&v);
	vmm_write(&v, 0, 1);
	ct_check(!vmm_join(&v, IODIRTY_VFIO_PCI, IODIRTY_VFIO_NO_DIRTY),
		 "one that nobody tracks joins");
	vmm_write(&v, 0, 2);
	vmm_expect(&v);

	v.options.allow_all_dirty = true;
	vmm_write(&v, 0, 3);
	ct_check(vmm_join(&v, IODIRTY_VFIO_PCI, IODIRTY_VFIO_NO_DIRTY), "refused");
	vmm_write(&v, 1, 4);
	vmm_expect(&v);
	vmm_expect(&v);

	/* It goes: all that it wrote since is in one more report of everything. */
	vmm_write(&v, 1, 5);
	vmm_leave(&v, 1, false);
	vmm_expect(&v);
	vmm_write(&v, 0, 6);
	vmm_expect(&v);
}

/* Each goes, told before: its last writes are in the next report. */
POLICY_TEST(policy_leaves, "POLICY-008", .requires = whole_pages)
{
	struct vmm v;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, LOGS);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	vmm_add(&v, IODIRTY_VFIO_MDEV, IODIRTY_VFIO_LOG);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	start_all(&v);
	while (v.n > 1) {
		vmm_write(&v, 0, v.n);
		vmm_write(&v, v.n - 1, 20 + v.n);
		vmm_leave(&v, 0, false);
		ct_check(!v.all_dirty_once, "all is dirty, though its tracker was asked");
		vmm_expect(&v);
	}
	write_and_expect(&v);
}

/* Pulled out: a HWPT still has what it wrote; a log is gone, and all is dirty once. */
POLICY_TEST(policy_pulled_out, "POLICY-009")
{
	struct vmm v;

	vmm_open(&v);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	vmm_add(&v, IODIRTY_VFIO_PCI, LOGS);
	vmm_add(&v, IODIRTY_VFIO_PCI, 0);
	start_all(&v);
	vmm_write(&v, 0, 3);
	vmm_write(&v, 2, 4);
	vmm_leave(&v, 0, true);
	ct_check(!v.all_dirty_once, "all is dirty, though the page table was asked");
	vmm_expect(&v);

	vmm_write(&v, 0, 5);
	vmm_leave(&v, 0, true);
	ct_check(v.all_dirty_once, "what only its log knew is taken as known");
	vmm_expect(&v);
	write_and_expect(&v);
}
