/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ABI: what every call checks, in which order, and what it hands back.
 * Each table row is one call with one thing wrong; all else in it would succeed,
 * so that the errno can only come from what is wrong.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "ct.h"

/* ---- calls that succeed, on a world made for them ---- */

struct world {
	struct scene s;
	struct ct_bitmap bits;
	struct iommu_iova_range ranges[64];
	int memfd;
};

union arg {
	u32 size;
	struct iommu_destroy destroy;
	struct iommu_ioas_alloc ioas_alloc;
	struct iommu_ioas_allow_iovas allow;
	struct iommu_ioas_copy copy;
	struct iommu_ioas_iova_ranges iova_ranges;
	struct iommu_ioas_map map;
	struct iommu_ioas_unmap unmap;
	struct iommu_option option;
	struct iommu_vfio_ioas vfio_ioas;
	struct iommu_hwpt_alloc hwpt_alloc;
	struct iommu_hw_info hw_info;
	struct iommu_hwpt_set_dirty_tracking set;
	struct iommu_hwpt_get_dirty_bitmap get;
	struct iommu_ioas_map_file map_file;
	struct iommu_ioas_change_process change;
	u8 bytes[4096];
};

static u32 spare_ioas(void)
{
	u32 ioas;

	x(ct_ioas_alloc(&ioas));
	return ioas;
}

static void fill_destroy(struct world *w, union arg *a)
{
	(void)w;
	a->destroy.id = spare_ioas();
}

static void fill_nothing(struct world *w, union arg *a)
{
	(void)w;
	(void)a;
}

static void fill_allow(struct world *w, union arg *a)
{
	(void)w;
	a->allow.ioas_id = spare_ioas();
}

static void fill_copy(struct world *w, union arg *a)
{
	a->copy.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE;
	a->copy.dst_ioas_id = spare_ioas();
	a->copy.src_ioas_id = w->s.ioas;
	a->copy.length = w->s.length;
	a->copy.dst_iova = a->copy.src_iova = w->s.iova;
}

static void fill_iova_ranges(struct world *w, union arg *a)
{
	a->iova_ranges.ioas_id = w->s.ioas;
	a->iova_ranges.num_iovas = 64;
	a->iova_ranges.allowed_iovas = (u64)w->ranges;
}

static void fill_map(struct world *w, union arg *a)
{
	a->map.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE;
	a->map.ioas_id = spare_ioas();
	a->map.user_va = (u64)w->s.mem;
	a->map.length = w->s.length;
	a->map.iova = w->s.iova;
}

static void fill_unmap(struct world *w, union arg *a)
{
	(void)w;
	a->unmap.ioas_id = spare_ioas();
	a->unmap.length = UINT64_MAX;
}

static void fill_option(struct world *w, union arg *a)
{
	a->option.option_id = IOMMU_OPTION_HUGE_PAGES;
	a->option.op = IOMMU_OPTION_OP_GET;
	a->option.object_id = w->s.ioas;
}

static void fill_vfio_ioas(struct world *w, union arg *a)
{
	a->vfio_ioas.op = IOMMU_VFIO_IOAS_SET;
	a->vfio_ioas.ioas_id = w->s.ioas;
}

static void fill_hwpt_alloc(struct world *w, union arg *a)
{
	a->hwpt_alloc.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	a->hwpt_alloc.dev_id = w->s.dev;
	a->hwpt_alloc.pt_id = w->s.ioas;
}

static void fill_hw_info(struct world *w, union arg *a)
{
	a->hw_info.dev_id = w->s.dev;
}

static void fill_set(struct world *w, union arg *a)
{
	a->set.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE;
	a->set.hwpt_id = w->s.hwpt;
}

static void fill_get(struct world *w, union arg *a)
{
	a->get.hwpt_id = w->s.hwpt;
	a->get.iova = w->s.iova;
	a->get.length = w->s.length;
	a->get.page_size = w->s.page;
	a->get.data = (u64)w->bits.bytes;
}

static void fill_map_file(struct world *w, union arg *a)
{
	a->map_file.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE;
	a->map_file.ioas_id = spare_ioas();
	a->map_file.fd = w->memfd;
	a->map_file.length = w->s.page;
	a->map_file.iova = w->s.iova;
}

struct call {
	const char *name;
	unsigned long cmd;
	u32 size, min;
	void (*fill)(struct world *w, union arg *a);
	int err; /* what the well-formed call returns */
	bool late; /* newer than Linux 6.12: ENOTTY there is no fault */
};

#define CALL(ioctl, type) .name = #ioctl, .cmd = ioctl, .size = sizeof(struct type)

static const struct call calls[] = {
	{ CALL(IOMMU_DESTROY, iommu_destroy), .min = 8, .fill = fill_destroy },
	{ CALL(IOMMU_IOAS_ALLOC, iommu_ioas_alloc), .min = 12, .fill = fill_nothing },
	{ CALL(IOMMU_IOAS_ALLOW_IOVAS, iommu_ioas_allow_iovas), .min = 24, .fill = fill_allow },
	{ CALL(IOMMU_IOAS_COPY, iommu_ioas_copy), .min = 40, .fill = fill_copy },
	{ CALL(IOMMU_IOAS_IOVA_RANGES, iommu_ioas_iova_ranges), .min = 32,
	  .fill = fill_iova_ranges },
	{ CALL(IOMMU_IOAS_MAP, iommu_ioas_map), .min = 40, .fill = fill_map },
	{ CALL(IOMMU_IOAS_UNMAP, iommu_ioas_unmap), .min = 24, .fill = fill_unmap },
	{ CALL(IOMMU_OPTION, iommu_option), .min = 24, .fill = fill_option },
	{ CALL(IOMMU_VFIO_IOAS, iommu_vfio_ioas), .min = 12, .fill = fill_vfio_ioas },
	{ CALL(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc), .min = 24, .fill = fill_hwpt_alloc },
	{ CALL(IOMMU_GET_HW_INFO, iommu_hw_info), .min = 32, .fill = fill_hw_info },
	{ CALL(IOMMU_HWPT_SET_DIRTY_TRACKING, iommu_hwpt_set_dirty_tracking), .min = 16,
	  .fill = fill_set },
	{ CALL(IOMMU_HWPT_GET_DIRTY_BITMAP, iommu_hwpt_get_dirty_bitmap), .min = 48,
	  .fill = fill_get },
	{ CALL(IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file), .min = 40, .fill = fill_map_file,
	  .late = true },
	/* The scene's memory is no file, and only files can move: EINVAL. */
	{ CALL(IOMMU_IOAS_CHANGE_PROCESS, iommu_ioas_change_process), .min = 8,
	  .fill = fill_nothing, .err = EINVAL, .late = true },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void world_open(struct world *w)
{
	scene_open(&w->s, .leaves = 4);
	ct_bitmap_init(&w->bits, w->s.length / w->s.granule, 0);
	w->memfd = ct_memfd(w->s.page);
}

static void make(const struct call *c, struct world *w, union arg *a)
{
	memset(a, 0, sizeof(*a));
	a->size = c->size;
	c->fill(w, a);
}

static const struct call *call_of(unsigned long cmd)
{
	for (size_t i = 0; i < N(calls); i++)
		if (calls[i].cmd == cmd)
			return &calls[i];
	ct_fail("no such call in the table: 0x%lx", cmd);
}

static void expect(const struct call *c, const char *what, int err, int ret)
{
	ct_check(ret == -err, "%s, %s: expected %s, got %s", c->name, what, ct_errno_name(err),
		 ct_errno_name(ret));
}

/* Does the target know the call at all? */
static bool known(const struct call *c, struct world *w, union arg *a)
{
	int ret;

	make(c, w, a);
	ret = ct_ioctl(c->cmd, a);
	if (c->late && ret == -ENOTTY) {
		ct_note("%s: not known here", c->name);
		return false;
	}
	expect(c, "well formed", c->err, ret);
	return true;
}

/* A page whose successor cannot be touched. */
static u8 *guarded_page(void)
{
	u8 *p = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ct_check(p != MAP_FAILED, "mmap: errno %d", errno);
	ct_check(!mprotect(p + 4096, 4096, PROT_NONE), "mprotect: errno %d", errno);
	return p;
}

/* ---- the size rules ---- */

/* Every length below the first published layout is refused, 0 included. */
CT_TEST(struct_too_short, "ABI-001")
{
	struct world w;
	union arg a;

	world_open(&w);
	for (size_t i = 0; i < N(calls); i++) {
		const struct call *c = &calls[i];

		if (!known(c, &w, &a))
			continue;
		for (u32 size = 0; size < c->min; size++) {
			make(c, &w, &a);
			a.size = size;
			expect(c, "short", EINVAL, ct_ioctl(c->cmd, &a));
		}
	}
}

/* A newer caller with nothing in its new fields is served, however many. */
CT_TEST(struct_longer_zero_tail, "ABI-002")
{
	static const u32 extra[] = { 1, 4, 8, 512 };
	struct world w;
	union arg a;

	world_open(&w);
	for (size_t i = 0; i < N(calls); i++) {
		const struct call *c = &calls[i];

		if (!known(c, &w, &a))
			continue;
		for (size_t e = 0; e < N(extra); e++) {
			make(c, &w, &a);
			a.size = c->size + extra[e];
			expect(c, "zero tail", c->err, ct_ioctl(c->cmd, &a));
		}
		make(c, &w, &a);
		a.size = sizeof(a);
		expect(c, "zero tail of a page", c->err, ct_ioctl(c->cmd, &a));
	}
}

/* One bit anywhere beyond what the kernel knows: the caller wants something new. */
CT_TEST(struct_longer_junk_tail, "ABI-003")
{
	static const u32 junk_at[] = { 0, 1, 7, 8, 63, 511 };
	struct world w;
	union arg a;

	world_open(&w);
	for (size_t i = 0; i < N(calls); i++) {
		const struct call *c = &calls[i];

		if (!known(c, &w, &a))
			continue;
		for (size_t j = 0; j < N(junk_at); j++) {
			make(c, &w, &a);
			a.bytes[c->size + junk_at[j]] = 0x80;
			a.size = c->size + junk_at[j] + 1;
			expect(c, "junk tail", E2BIG, ct_ioctl(c->cmd, &a));
		}
		make(c, &w, &a);
		a.bytes[sizeof(a) - 1] = 1;
		a.size = sizeof(a);
		expect(c, "junk in the last byte of a page", E2BIG, ct_ioctl(c->cmd, &a));
	}
}

/* Two things wrong at once: which one is named. */
CT_TEST(size_checks_in_order, "ABI-004")
{
	const unsigned long unknown = _IO(IOMMUFD_TYPE, 0x9f);
	struct world w;
	union arg a;
	u8 *page = guarded_page();
	u32 size;

	world_open(&w);
	make(call_of(IOMMU_HWPT_SET_DIRTY_TRACKING), &w, &a);
	a.size = 4;
	x_err(ENOTTY, ct_ioctl(unknown, &a)); /* before too short */

	for (size_t i = 0; i < N(calls); i++) {
		const struct call *c = &calls[i];

		if (!known(c, &w, &a))
			continue;
		size = c->min - 1;
		memcpy(page + 4096 - 4, &size, 4);
		expect(c, "short before unreadable", EINVAL, ct_ioctl(c->cmd, page + 4096 - 4));
		memset(&a, 0xff, sizeof(a));
		a.size = 4;
		expect(c, "short before everything else", EINVAL, ct_ioctl(c->cmd, &a));
		a.size = sizeof(a);
		expect(c, "junk tail before the fields", E2BIG, ct_ioctl(c->cmd, &a));
	}
}

/* The argument itself, wherever it cannot be read. */
CT_TEST(argument_unreadable, "ABI-005")
{
	struct world w;
	union arg a;
	u8 *page = guarded_page();
	void *const bad[] = {
		NULL,
		(void *)8,
		page + 4096,
		(void *)0x8000000000000000, /* no canonical address */
		(void *)0xffff800000000000, /* the kernel's */
		(void *)0xfffffffffffff000,
	};

	world_open(&w);
	for (size_t i = 0; i < N(calls); i++) {
		const struct call *c = &calls[i];

		if (!known(c, &w, &a))
			continue;
		for (size_t b = 0; b < N(bad); b++)
			expect(c, "bad pointer", EFAULT, ct_ioctl(c->cmd, bad[b]));
		/* All but the last byte can be read. */
		make(c, &w, &a);
		memcpy(page + 4096 - c->size + 1, &a, c->size - 1);
		expect(c, "last byte unreadable", EFAULT,
		       ct_ioctl(c->cmd, page + 4096 - c->size + 1));
	}
}

/* An answer that cannot be delivered is an error, and what it was about is gone.
 * Ids are small integers, and on a fresh target none is taken. */
CT_TEST(answer_undeliverable, "ABI-006")
{
	struct iommu_ioas_alloc *cmd = (void *)guarded_page();

	cmd->size = sizeof(*cmd);
	ct_check(!mprotect(cmd, 4096, PROT_READ), "mprotect: errno %d", errno);
	x_err(EFAULT, ct_ioctl(IOMMU_IOAS_ALLOC, cmd));
	for (u32 id = 1; id <= 4096; id++) {
		int ret = ct_destroy(id);

		ct_check(ret == -ENOENT, "object %u is left behind: DESTROY gives %s", id,
			 ct_errno_name(ret));
	}
}

/* Numbers that nobody defined; a type, a direction or a size that is not ours. */
CT_TEST(unknown_numbers, "ABI-007")
{
	static const unsigned long numbers[] = {
		_IO(IOMMUFD_TYPE, 0x00),
		_IO(IOMMUFD_TYPE, 0x7f),
		_IO(IOMMUFD_TYPE, 0x9e),
		_IO(IOMMUFD_TYPE, 0xff),
		_IO('<', 0x8c),
		_IOWR(IOMMUFD_TYPE, 0x8c, struct iommu_hwpt_get_dirty_bitmap),
		_IOW(IOMMUFD_TYPE, 0x8b, struct iommu_hwpt_set_dirty_tracking),
		0,
		0xffffffff,
	};
	struct world w;
	union arg a;

	world_open(&w);
	for (size_t i = 0; i < N(numbers); i++) {
		int ret;

		make(call_of(IOMMU_HWPT_GET_DIRTY_BITMAP), &w, &a);
		ret = ct_ioctl(numbers[i], &a);
		ct_check(ret == -ENOTTY, "number 0x%lx: expected ENOTTY, got %s", numbers[i],
			 ct_errno_name(ret));
	}
}

/* ---- reserved fields and unknown flags ---- */

struct poke {
	unsigned long cmd;
	const char *what;
	size_t offset, width;
	u64 value;
};

#define POKE(ioctl, type, field, v)                                                            \
	{                                                                                      \
		.cmd = ioctl, .what = #field " = " #v, .offset = offsetof(struct type, field), \
		.width = sizeof(((struct type *)0)->field), .value = (v)                       \
	}

static void poke_all(const struct poke *pokes, size_t n)
{
	struct world w;
	union arg a;

	world_open(&w);
	for (size_t i = 0; i < n; i++) {
		const struct call *c = call_of(pokes[i].cmd);

		if (!known(c, &w, &a))
			continue;
		make(c, &w, &a);
		/* Little-endian, as every host that this runs on. */
		memcpy(a.bytes + pokes[i].offset, &pokes[i].value, pokes[i].width);
		expect(c, pokes[i].what, EOPNOTSUPP, ct_ioctl(c->cmd, &a));
	}
}

#define SET(field, v) POKE(IOMMU_HWPT_SET_DIRTY_TRACKING, iommu_hwpt_set_dirty_tracking, field, v)
#define GET(field, v) POKE(IOMMU_HWPT_GET_DIRTY_BITMAP, iommu_hwpt_get_dirty_bitmap, field, v)

/* Every bit of flags but the one that is defined, and GET's reserved field. */
CT_TEST(dirty_flags_unknown, "ABI-008")
{
	static const struct poke pokes[] = {
		SET(flags, 2),		SET(flags, 3),
		SET(flags, 0x80000000), SET(flags, 0x80000001),
		GET(flags, 2),		GET(flags, 3),
		GET(flags, 0x80000000), GET(flags, 0xffffffff),
		GET(__reserved, 1),	GET(__reserved, 0x80000000),
	};

	poke_all(pokes, N(pokes));
}

/* SET's reserved field; the refused call has not switched tracking. */
CT_TEST(set_reserved, "ABI-009")
{
	static const struct poke pokes[] = { SET(__reserved, 1), SET(__reserved, 0x80000000) };
	struct iommu_hwpt_set_dirty_tracking off = { .size = sizeof(off), .__reserved = 1 };
	struct scene s;

	scene_open(&s);
	off.hwpt_id = s.hwpt;
	x_err(EOPNOTSUPP, ct_ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING, &off));
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	poke_all(pokes, N(pokes));
}

/* The same for every other call that a dirty tracking program makes. */
CT_TEST(reserved_elsewhere, "ABI-010")
{
	static const struct poke pokes[] = {
		POKE(IOMMU_IOAS_ALLOC, iommu_ioas_alloc, flags, 1),
		POKE(IOMMU_IOAS_ALLOW_IOVAS, iommu_ioas_allow_iovas, __reserved, 1),
		POKE(IOMMU_IOAS_COPY, iommu_ioas_copy, flags, 0x0f),
		POKE(IOMMU_IOAS_IOVA_RANGES, iommu_ioas_iova_ranges, __reserved, 1),
		POKE(IOMMU_IOAS_MAP, iommu_ioas_map, flags, 0x0f),
		POKE(IOMMU_IOAS_MAP, iommu_ioas_map, flags, 0x80000007),
		POKE(IOMMU_IOAS_MAP, iommu_ioas_map, __reserved, 1),
		POKE(IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file, flags, 0x0f),
		POKE(IOMMU_OPTION, iommu_option, __reserved, 1),
		POKE(IOMMU_OPTION, iommu_option, option_id, 99),
		POKE(IOMMU_OPTION, iommu_option, op, 2),
		POKE(IOMMU_VFIO_IOAS, iommu_vfio_ioas, __reserved, 1),
		POKE(IOMMU_VFIO_IOAS, iommu_vfio_ioas, op, 3),
		POKE(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, flags, 0x80000002),
		POKE(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, __reserved, 1),
		POKE(IOMMU_GET_HW_INFO, iommu_hw_info, flags, 2),
		POKE(IOMMU_GET_HW_INFO, iommu_hw_info, __reserved, 1),
		POKE(IOMMU_IOAS_CHANGE_PROCESS, iommu_ioas_change_process, __reserved, 1),
	};

	poke_all(pokes, N(pokes));
}

/* HWPT_ALLOC's second reserved field, in the optional half of the struct. */
CT_TEST(hwpt_alloc_reserved2, "ABI-011")
{
	static const struct poke pokes[] = {
		POKE(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, __reserved2, 1),
	};

	poke_all(pokes, N(pokes));
}

/* ---- ids ---- */

/* What is no HWPT: 0, never given out, an IOAS, a device, destroyed. */
CT_TEST(dirty_ids, "ABI-012")
{
	struct world w;
	u32 gone;

	world_open(&w);
	x(ct_hwpt_alloc(w.s.dev, w.s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &gone));
	x(ct_destroy(gone));

	const struct {
		const char *what;
		u32 id;
	} ids[] = {
		{ "0", 0 },
		{ "never given out", 0x7fffff00 },
		{ "the IOAS", w.s.ioas },
		{ "the device", w.s.dev },
		{ "destroyed", gone },
		{ "all ones", 0xffffffff },
		{ "top bit", w.s.hwpt | 0x80000000 },
	};

	for (size_t i = 0; i < N(ids); i++) {
		expect(call_of(IOMMU_HWPT_SET_DIRTY_TRACKING), ids[i].what, ENOENT,
		       ct_set_tracking(ids[i].id, true));
		expect(call_of(IOMMU_HWPT_GET_DIRTY_BITMAP), ids[i].what, ENOENT,
		       ct_get_bitmap(ids[i].id, 0, w.s.iova, w.s.length, w.s.page, w.bits.bytes));
	}
	ct_check(ct_bitmap_count(&w.bits) == 0, "a refused harvest wrote to the bitmap");
}

/* The ids of all other calls: the HWPT where an IOAS is asked for, and so on. */
CT_TEST(other_ids, "ABI-013")
{
	struct world w;
	union arg a;

	world_open(&w);

	const struct {
		unsigned long cmd;
		size_t offset;
		u32 wrong;
		int err;
	} ids[] = {
#define ID(ioctl, type, field, id, e) { ioctl, offsetof(struct type, field), id, e }
		ID(IOMMU_DESTROY, iommu_destroy, id, 0x7fffff00, ENOENT),
		ID(IOMMU_IOAS_ALLOW_IOVAS, iommu_ioas_allow_iovas, ioas_id, w.s.hwpt, ENOENT),
		ID(IOMMU_IOAS_COPY, iommu_ioas_copy, dst_ioas_id, w.s.hwpt, ENOENT),
		ID(IOMMU_IOAS_COPY, iommu_ioas_copy, src_ioas_id, w.s.hwpt, ENOENT),
		ID(IOMMU_IOAS_IOVA_RANGES, iommu_ioas_iova_ranges, ioas_id, w.s.dev, ENOENT),
		ID(IOMMU_IOAS_MAP, iommu_ioas_map, ioas_id, w.s.hwpt, ENOENT),
		ID(IOMMU_IOAS_UNMAP, iommu_ioas_unmap, ioas_id, w.s.hwpt, ENOENT),
		ID(IOMMU_OPTION, iommu_option, object_id, w.s.hwpt, ENOENT),
		ID(IOMMU_VFIO_IOAS, iommu_vfio_ioas, ioas_id, w.s.hwpt, ENOENT),
		ID(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, dev_id, w.s.ioas, ENOENT),
		/* Looked up as an object of any type, then not understood. */
		ID(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc, pt_id, w.s.dev, EINVAL),
		ID(IOMMU_GET_HW_INFO, iommu_hw_info, dev_id, w.s.ioas, ENOENT),
		ID(IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file, ioas_id, w.s.hwpt, ENOENT),
#undef ID
	};

	for (size_t i = 0; i < N(ids); i++) {
		const struct call *c = call_of(ids[i].cmd);
		u32 zero = 0;

		if (!known(c, &w, &a))
			continue;
		make(c, &w, &a);
		memcpy(a.bytes + ids[i].offset, &ids[i].wrong, 4);
		expect(c, "id of another type", ids[i].err, ct_ioctl(c->cmd, &a));
		make(c, &w, &a);
		memcpy(a.bytes + ids[i].offset, &zero, 4);
		expect(c, "id 0", ids[i].err, ct_ioctl(c->cmd, &a));
	}
}
