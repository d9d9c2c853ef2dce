/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ABI, garbage: 250,000 random calls, in five parts with seeds of their
 * own. Whatever is asked, the answer is an errno or success; nothing crashes or
 * hangs, and what comes after on the same descriptor works as if nothing had
 * been.
 *
 * The calls are a table of fields and their kinds. A call is drawn from it with
 * values that would often be good, then spoiled: a field, the size, the pointer
 * to it all. Some are random bytes under a known or an unknown number.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "abi/vfio.h"
#include "ct.h"

enum {
	CALLS = 50000, /* a part */
	LIVE = 32, /* objects kept; an older one is destroyed for a new one */
	DESCRIPTORS = 16, /* descriptors that cannot be given back */
	ARENA = 1 << 20,
};

/* Around the arena, so that no access that starts in it reaches anything else. */
#define GAP (1ULL << 36)

enum kind {
	END,
	ID, /* of an object; or a stream, an access */
	FLAGS, /* few bits */
	VALUE, /* of any kind: 0, small, powers of two, their neighbours, random */
	POINTER, /* into the arena, or certainly bad */
	LENGTH, /* mostly up to the arena's */
	IOVA, /* mostly within the scene's first 64 pages */
	COUNT, /* of array elements: fits the arena */
	FD, /* the memfd, or bad: never one of the runner's */
	FORMAT, /* 16 bytes: this configuration's, or noise */
	TYPE, /* of the data of a nested HWPT, or of its invalidation */
	SIZE, /* of such data */
	ENGINE, /* 16 bytes: one of the target's, or noise */
};

struct field {
	u16 offset, width;
	enum kind kind;
};

struct call {
	unsigned long cmd;
	u32 size, op; /* @op: of IOMMU_TEST_CMD */
	u16 out_id; /* offset of a new object's id; 0: none */
	bool number; /* takes a number and no struct */
	struct field fields[10];
};

#define F(type, member, k)                                                           \
	{                                                                            \
		offsetof(struct type, member), sizeof(((struct type *)0)->member), k \
	}
#define CALL(number, type) .cmd = number, .size = sizeof(struct type)
#define OUT(type, member) .out_id = offsetof(struct type, member)
#define TEST(name) CALL(IOMMU_TEST_CMD, iommu_test_cmd), .op = IOMMU_TEST_OP_##name
#define T(member, k) F(iommu_test_cmd, member, k)

static const struct call calls[] = {
	{ CALL(IOMMU_DESTROY, iommu_destroy), .fields = { F(iommu_destroy, id, ID) } },
	{ CALL(IOMMU_IOAS_ALLOC, iommu_ioas_alloc), OUT(iommu_ioas_alloc, out_ioas_id) },
	{ CALL(IOMMU_IOAS_ALLOW_IOVAS, iommu_ioas_allow_iovas),
	  .fields = { F(iommu_ioas_allow_iovas, ioas_id, ID),
		      F(iommu_ioas_allow_iovas, num_iovas, COUNT),
		      F(iommu_ioas_allow_iovas, allowed_iovas, POINTER) } },
	{ CALL(IOMMU_IOAS_COPY, iommu_ioas_copy),
	  .fields = { F(iommu_ioas_copy, flags, FLAGS), F(iommu_ioas_copy, dst_ioas_id, ID),
		      F(iommu_ioas_copy, src_ioas_id, ID), F(iommu_ioas_copy, length, LENGTH),
		      F(iommu_ioas_copy, dst_iova, IOVA), F(iommu_ioas_copy, src_iova, IOVA) } },
	{ CALL(IOMMU_IOAS_IOVA_RANGES, iommu_ioas_iova_ranges),
	  .fields = { F(iommu_ioas_iova_ranges, ioas_id, ID),
		      F(iommu_ioas_iova_ranges, num_iovas, COUNT),
		      F(iommu_ioas_iova_ranges, allowed_iovas, POINTER) } },
	{ CALL(IOMMU_IOAS_MAP, iommu_ioas_map),
	  .fields = { F(iommu_ioas_map, flags, FLAGS), F(iommu_ioas_map, ioas_id, ID),
		      F(iommu_ioas_map, user_va, POINTER), F(iommu_ioas_map, length, LENGTH),
		      F(iommu_ioas_map, iova, IOVA) } },
	{ CALL(IOMMU_IOAS_UNMAP, iommu_ioas_unmap),
	  .fields = { F(iommu_ioas_unmap, ioas_id, ID), F(iommu_ioas_unmap, iova, IOVA),
		      F(iommu_ioas_unmap, length, LENGTH) } },
	{ CALL(IOMMU_OPTION, iommu_option),
	  .fields = { F(iommu_option, option_id, FLAGS), F(iommu_option, op, FLAGS),
		      F(iommu_option, object_id, ID), F(iommu_option, val64, FLAGS) } },
	{ CALL(IOMMU_VFIO_IOAS, iommu_vfio_ioas),
	  .fields = { F(iommu_vfio_ioas, ioas_id, ID), F(iommu_vfio_ioas, op, FLAGS) } },
	{ CALL(IOMMU_HWPT_ALLOC, iommu_hwpt_alloc), OUT(iommu_hwpt_alloc, out_hwpt_id),
	  .fields = { F(iommu_hwpt_alloc, flags, FLAGS), F(iommu_hwpt_alloc, dev_id, ID),
		      F(iommu_hwpt_alloc, pt_id, ID), F(iommu_hwpt_alloc, data_type, TYPE),
		      F(iommu_hwpt_alloc, data_len, SIZE), F(iommu_hwpt_alloc, data_uptr, POINTER),
		      F(iommu_hwpt_alloc, fault_id, ID) } },
	{ CALL(IOMMU_GET_HW_INFO, iommu_hw_info),
	  .fields = { F(iommu_hw_info, flags, FLAGS), F(iommu_hw_info, dev_id, ID),
		      F(iommu_hw_info, data_len, COUNT), F(iommu_hw_info, data_uptr, POINTER) } },
	{ CALL(IOMMU_HWPT_SET_DIRTY_TRACKING, iommu_hwpt_set_dirty_tracking),
	  .fields = { F(iommu_hwpt_set_dirty_tracking, flags, FLAGS),
		      F(iommu_hwpt_set_dirty_tracking, hwpt_id, ID) } },
	{ CALL(IOMMU_HWPT_GET_DIRTY_BITMAP, iommu_hwpt_get_dirty_bitmap),
	  .fields = { F(iommu_hwpt_get_dirty_bitmap, hwpt_id, ID),
		      F(iommu_hwpt_get_dirty_bitmap, flags, FLAGS),
		      F(iommu_hwpt_get_dirty_bitmap, iova, IOVA),
		      F(iommu_hwpt_get_dirty_bitmap, length, LENGTH),
		      F(iommu_hwpt_get_dirty_bitmap, page_size, VALUE),
		      F(iommu_hwpt_get_dirty_bitmap, data, POINTER) } },
	{ CALL(IOMMU_HWPT_INVALIDATE, iommu_hwpt_invalidate),
	  .fields = { F(iommu_hwpt_invalidate, hwpt_id, ID),
		      F(iommu_hwpt_invalidate, data_uptr, POINTER),
		      F(iommu_hwpt_invalidate, data_type, TYPE),
		      F(iommu_hwpt_invalidate, entry_len, SIZE),
		      F(iommu_hwpt_invalidate, entry_num, COUNT) } },
	{ CALL(IOMMU_FAULT_QUEUE_ALLOC, iommu_fault_alloc), OUT(iommu_fault_alloc, out_fault_id),
	  .fields = { F(iommu_fault_alloc, flags, FLAGS) } },
	{ CALL(IOMMU_IOAS_MAP_FILE, iommu_ioas_map_file),
	  .fields = { F(iommu_ioas_map_file, flags, FLAGS), F(iommu_ioas_map_file, ioas_id, ID),
		      F(iommu_ioas_map_file, fd, FD), F(iommu_ioas_map_file, start, LENGTH),
		      F(iommu_ioas_map_file, length, LENGTH),
		      F(iommu_ioas_map_file, iova, IOVA) } },
	{ CALL(IOMMU_IOAS_CHANGE_PROCESS, iommu_ioas_change_process) },

	{ TEST(ADD_RESERVED),
	  .fields = { T(id, ID), T(add_reserved.start, IOVA), T(add_reserved.length, LENGTH) } },
	{ TEST(MOCK_DOMAIN), OUT(iommu_test_cmd, mock_domain.out_idev_id),
	  .fields = { T(id, ID) } },
	{ TEST(MD_CHECK_MAP),
	  .fields = { T(id, ID), T(check_map.iova, IOVA), T(check_map.length, LENGTH),
		      T(check_map.uptr, POINTER) } },
	{ TEST(MD_CHECK_REFS),
	  .fields = { T(check_refs.length, LENGTH), T(check_refs.uptr, POINTER),
		      T(check_refs.refs, FLAGS) } },
	{ TEST(CREATE_ACCESS), .fields = { T(id, ID), T(create_access.flags, FLAGS) } },
	{ TEST(DESTROY_ACCESS_PAGES),
	  .fields = { T(id, ID), T(destroy_access_pages.access_pages_id, FLAGS) } },
	{ TEST(ACCESS_PAGES),
	  .fields = { T(id, ID), T(access_pages.flags, FLAGS), T(access_pages.iova, IOVA),
		      T(access_pages.length, LENGTH), T(access_pages.uptr, POINTER) } },
	{ TEST(ACCESS_RW),
	  .fields = { T(id, ID), T(access_rw.iova, IOVA), T(access_rw.length, LENGTH),
		      T(access_rw.uptr, POINTER), T(access_rw.flags, FLAGS) } },
	{ TEST(MOCK_DOMAIN_REPLACE), .fields = { T(id, ID), T(mock_domain_replace.pt_id, ID) } },
	{ TEST(ACCESS_REPLACE_IOAS), .fields = { T(id, ID), T(access_replace_ioas.ioas_id, ID) } },
	{ TEST(MOCK_DOMAIN_FLAGS), OUT(iommu_test_cmd, mock_domain_flags.out_idev_id),
	  .fields = { T(id, ID), T(mock_domain_flags.dev_flags, FLAGS) } },
	{ TEST(DIRTY), .fields = { T(id, ID), T(dirty.iova, IOVA), T(dirty.length, LENGTH),
				   T(dirty.page_size, VALUE), T(dirty.uptr, POINTER) } },
	{ TEST(SET_TEMP_MEMORY_LIMIT), .fields = { T(memory_limit.limit, COUNT) } },
	{ TEST(MD_CHECK_IOTLB),
	  .fields = { T(id, ID), T(check_iotlb.id, FLAGS), T(check_iotlb.iotlb, VALUE) } },
	{ TEST(TRIGGER_IOPF),
	  .fields = { T(trigger_iopf.dev_id, ID), T(trigger_iopf.pasid, FLAGS),
		      T(trigger_iopf.perm, FLAGS), T(trigger_iopf.addr, VALUE) } },
	{ TEST(PASID_ATTACH),
	  .fields = { T(id, ID), T(pasid_attach.pasid, FLAGS), T(pasid_attach.pt_id, ID) } },
	{ TEST(PASID_REPLACE),
	  .fields = { T(id, ID), T(pasid_replace.pasid, FLAGS), T(pasid_replace.pt_id, ID) } },
	{ TEST(PASID_DETACH), .fields = { T(id, ID), T(pasid_detach.pasid, FLAGS) } },
	{ TEST(PASID_CHECK_HWPT),
	  .fields = { T(id, ID), T(pasid_check.pasid, FLAGS), T(pasid_check.hwpt_id, ID) } },

	{ .cmd = VFIO_CHECK_EXTENSION, .size = 8, .number = true },
	{ .cmd = VFIO_SET_IOMMU, .size = 8, .number = true },
	{ CALL(VFIO_IOMMU_GET_INFO, vfio_iommu_type1_info) },
	{ CALL(VFIO_IOMMU_MAP_DMA, vfio_iommu_type1_dma_map),
	  .fields = { F(vfio_iommu_type1_dma_map, flags, FLAGS),
		      F(vfio_iommu_type1_dma_map, vaddr, POINTER),
		      F(vfio_iommu_type1_dma_map, iova, IOVA),
		      F(vfio_iommu_type1_dma_map, size, LENGTH) } },
	{ CALL(VFIO_IOMMU_UNMAP_DMA, vfio_iommu_type1_dma_unmap),
	  .fields = { F(vfio_iommu_type1_dma_unmap, flags, FLAGS),
		      F(vfio_iommu_type1_dma_unmap, iova, IOVA),
		      F(vfio_iommu_type1_dma_unmap, size, LENGTH) } },

	{ CALL(IODIRTY_FORMAT_INFO, iodirty_format_info),
	  .fields = { F(iodirty_format_info, index, VALUE) } },
	{ CALL(IODIRTY_PLUG, iodirty_plug), OUT(iodirty_plug, out_dev_id),
	  .fields = { F(iodirty_plug, flags, FLAGS), F(iodirty_plug, format, FORMAT),
		      F(iodirty_plug, iommu_id, FLAGS), F(iodirty_plug, pasid_width, FLAGS),
		      F(iodirty_plug, resv_start, IOVA), F(iodirty_plug, resv_length, LENGTH),
		      F(iodirty_plug, iotlb_sets, FLAGS), F(iodirty_plug, iotlb_ways, FLAGS),
		      F(iodirty_plug, walk_entries, FLAGS), F(iodirty_plug, atc_entries, FLAGS) } },
	{ CALL(IODIRTY_UNPLUG, iodirty_unplug), .fields = { F(iodirty_unplug, dev_id, ID) } },
	{ CALL(IODIRTY_ATTACH, iodirty_attach),
	  .fields = { F(iodirty_attach, flags, FLAGS), F(iodirty_attach, dev_id, ID),
		      F(iodirty_attach, pasid, FLAGS), F(iodirty_attach, pt_id, ID) } },
	{ CALL(IODIRTY_DETACH, iodirty_detach),
	  .fields = { F(iodirty_detach, dev_id, ID), F(iodirty_detach, pasid, FLAGS) } },
	{ CALL(IODIRTY_DMA, iodirty_dma),
	  .fields = { F(iodirty_dma, op, FLAGS), F(iodirty_dma, dev_id, ID),
		      F(iodirty_dma, pasid, FLAGS), F(iodirty_dma, iova, IOVA),
		      F(iodirty_dma, length, LENGTH), F(iodirty_dma, data, POINTER),
		      F(iodirty_dma, operand, VALUE), F(iodirty_dma, compare, VALUE) } },
	{ CALL(IODIRTY_STREAM_START, iodirty_stream_start),
	  .fields = { F(iodirty_stream_start, pattern, FLAGS), F(iodirty_stream_start, dev_id, ID),
		      F(iodirty_stream_start, pasid, FLAGS), F(iodirty_stream_start, iova, IOVA),
		      F(iodirty_stream_start, length, LENGTH),
		      F(iodirty_stream_start, stride, VALUE), F(iodirty_stream_start, rate, VALUE),
		      F(iodirty_stream_start, count, VALUE) } },
	{ CALL(IODIRTY_STREAM_QUERY, iodirty_stream_query),
	  .fields = { F(iodirty_stream_query, flags, FLAGS),
		      F(iodirty_stream_query, stream_id, ID) } },
	{ CALL(IODIRTY_STATS, iodirty_stats) },
	{ CALL(IODIRTY_TABLE_READ, iodirty_table_read),
	  .fields = { F(iodirty_table_read, hwpt_id, ID), F(iodirty_table_read, iova, IOVA),
		      F(iodirty_table_read, length, LENGTH), F(iodirty_table_read, loop, FLAGS),
		      F(iodirty_table_read, order, FLAGS), F(iodirty_table_read, flags, FLAGS) } },
	{ CALL(IODIRTY_LEAF, iodirty_leaf),
	  .fields = { F(iodirty_leaf, hwpt_id, ID), F(iodirty_leaf, iova, IOVA) } },
	{ CALL(IODIRTY_ENGINE, iodirty_engine),
	  .fields = { F(iodirty_engine, op, FLAGS), F(iodirty_engine, index, FLAGS),
		      F(iodirty_engine, name, ENGINE), F(iodirty_engine, flags, FLAGS),
		      F(iodirty_engine, clear, FLAGS) } },
	{ CALL(IODIRTY_FAIL_NTH, iodirty_fail_nth), .fields = { F(iodirty_fail_nth, nth, FLAGS) } },
	{ CALL(IODIRTY_MEMLOCK, iodirty_memlock), .fields = { F(iodirty_memlock, limit, LENGTH) } },
	{ CALL(IODIRTY_SPLIT, iodirty_split),
	  .fields = { F(iodirty_split, hwpt_id, ID), F(iodirty_split, policy, FLAGS) } },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct fuzz {
	u64 state; /* of the generator */
	u8 *arena;
	u8 *arg; /* a page that no pointer points to */
	int memfd;
	struct iodirty_engine engines[8];
	unsigned int nengines;
	u64 iova, page;
	u32 live[LIVE];
	unsigned int made, descriptors;
	u64 succeeded;
};

static u64 below(struct fuzz *f, u64 n)
{
	return ct_random(&f->state) % n;
}

static bool one_in(struct fuzz *f, u64 n)
{
	return below(f, n) == 0;
}

/* ---- values ---- */

static u64 value(struct fuzz *f)
{
	u64 power = 1ULL << below(f, 64);

	switch (below(f, 6)) {
	case 0:
		return 0;
	case 1:
		return below(f, 4);
	case 2:
		return power;
	case 3:
		return power - 1;
	case 4:
		return -power;
	default:
		return ct_random(&f->state) | 1ULL << 62;
	}
}

/* The same, but nothing that could be an address of ours. */
static u64 no_address(struct fuzz *f)
{
	u64 v = value(f);

	return v >> 16 && !(v >> 47) ? v | 1ULL << 62 : v;
}

static u64 pointer(struct fuzz *f)
{
	static const u64 bad[] = {
		0, 8, 0x7fffffffffff0000, 0x8000000000000000, 0xffff800000000000, UINT64_MAX,
	};
	u64 arena = (u64)f->arena;

	switch (below(f, 8)) {
	case 0:
		return bad[below(f, N(bad))];
	case 1:
		return arena + ARENA - below(f, 64); /* the end, or just before */
	case 2:
		return arena - below(f, 64);
	case 3:
		return arena + below(f, ARENA);
	default:
		return arena + below(f, ARENA / 4096) * 4096;
	}
}

static u64 draw(struct fuzz *f, enum kind kind)
{
	static const u32 types[] = { 0, 0, IOMMU_HWPT_DATA_SELFTEST,
				     IOMMU_HWPT_INVALIDATE_DATA_SELFTEST };

	switch (kind) {
	case ID:
		return one_in(f, 8) ? value(f) : f->live[below(f, LIVE)];
	case FLAGS:
		return one_in(f, 16) ? value(f) : below(f, 8);
	case POINTER:
		return pointer(f);
	case LENGTH:
		return one_in(f, 8) ? value(f) : below(f, 33) * f->page;
	case IOVA:
		return one_in(f, 8) ? value(f) : f->iova + below(f, 64) * f->page;
	case COUNT:
		return one_in(f, 8) ? value(f) : below(f, 64);
	case TYPE:
		return one_in(f, 8) ? value(f) : types[below(f, N(types))];
	case SIZE:
		return one_in(f, 8) ? value(f) : below(f, 3) * 4;
	case FD:
		return one_in(f, 8) ? 0xffffffff : (u64)f->memfd;
	default:
		return value(f);
	}
}

/* 16 bytes that are the name of something, or not. */
static const char *name(struct fuzz *f, enum kind kind)
{
	if (one_in(f, 8) || (kind == ENGINE && !f->nengines))
		return "0123456789abcdef";
	return kind == ENGINE ? f->engines[below(f, f->nengines)].name : ct.config.format.name;
}

static void put(struct fuzz *f, u8 *arg, const struct field *field, u64 v)
{
	if (field->kind == FORMAT || field->kind == ENGINE)
		memcpy(arg + field->offset, name(f, field->kind), 16);
	else
		memcpy(arg + field->offset, &v, field->width);
}

/* ---- what has to be tidied away between calls ---- */

static void destroy(u32 id)
{
	if (ct_destroy(id) && ct.t->caps & TARGET_UNPLUG)
		ct_unplug(id);
}

static void keep(struct fuzz *f, u32 id)
{
	u32 *slot = &f->live[f->made++ % LIVE];

	if (*slot)
		destroy(*slot);
	*slot = id;
}

/* A stream is a thread: it is stopped at once. */
static void stop_stream(const u8 *arg)
{
	struct iodirty_stream_query q = { .size = sizeof(q), .flags = IODIRTY_STREAM_STOP };

	memcpy(&q.stream_id, arg + offsetof(struct iodirty_stream_start, out_stream_id), 4);
	ct_ioctl(IODIRTY_STREAM_QUERY, &q);
}

/* ---- a call ---- */

static void check_answer(unsigned long cmd, int ret)
{
	ct_check(ret >= -4095, "0x%lx returned %d, which is no errno", cmd, ret);
}

/*
 * What Linux is known to end or to warn by has tests of its own (hw_info_buffer_long,
 * map_refused); here it would hide all else.
 */
static void spare_linux(unsigned long cmd, void *arg)
{
	if (ct.t->caps & TARGET_REFERENCE)
		return;
	if (cmd == IOMMU_GET_HW_INFO)
		((struct iommu_hw_info *)arg)->data_len &= INT32_MAX;
	if (cmd == VFIO_IOMMU_MAP_DMA)
		((struct vfio_iommu_type1_dma_map *)arg)->flags |= VFIO_DMA_MAP_FLAG_READ;
}

static void known_call(struct fuzz *f)
{
	const struct call *c = &calls[below(f, N(calls))];
	u8 arg[512] = { 0 };
	u32 size = c->size;
	int ret;

	if ((c->op == IOMMU_TEST_OP_CREATE_ACCESS || c->cmd == IOMMU_FAULT_QUEUE_ALLOC) &&
	    f->descriptors == DESCRIPTORS)
		return;
	if (c->number) {
		check_answer(c->cmd, ct_ioctl(c->cmd, (void *)draw(f, FLAGS)));
		return;
	}
	for (const struct field *field = c->fields; field->kind != END; field++)
		put(f, arg, field, draw(f, field->kind));
	if (c->op)
		memcpy(arg + offsetof(struct iommu_test_cmd, op), &c->op, 4);
	/* Reserved, optional and output fields, whatever lies there. */
	if (one_in(f, 16)) {
		struct field spoil = { (1 + below(f, c->size / 4 - 1)) * 4, 4, VALUE };
		bool safe = true;

		for (const struct field *field = c->fields; field->kind != END; field++)
			if ((field->kind == POINTER || field->kind == FD) &&
			    spoil.offset < field->offset + field->width &&
			    field->offset < spoil.offset + spoil.width)
				safe = false;
		if (safe && !c->op)
			put(f, arg, &spoil, value(f));
	}
	if (one_in(f, 16))
		size = one_in(f, 2) ? below(f, sizeof(arg)) : value(f);
	memcpy(arg, &size, 4);

	spare_linux(c->cmd, arg);
	memcpy(f->arg, arg, sizeof(arg));
	ret = ct_ioctl(c->cmd, f->arg);
	check_answer(c->cmd, ret);
	if (ret < 0)
		return;
	f->succeeded++;
	memcpy(arg, f->arg, sizeof(arg));
	if (c->cmd == IODIRTY_STREAM_START)
		stop_stream(arg);
	if (c->op == IOMMU_TEST_OP_CREATE_ACCESS) {
		memcpy(&size, arg + offsetof(struct iommu_test_cmd, create_access.out_access_fd),
		       4);
		keep(f, size);
		f->descriptors++;
	}
	f->descriptors += c->cmd == IOMMU_FAULT_QUEUE_ALLOC;
	if (c->out_id) {
		u32 id;

		memcpy(&id, arg + c->out_id, 4);
		keep(f, id);
	}
}

/* Random bytes, under a known number with a good size, or any number at all. */
static void noise_call(struct fuzz *f)
{
	const struct call *c = &calls[below(f, N(calls))];
	unsigned long cmd = c->cmd;
	u64 arg[64];

	for (size_t i = 0; i < N(arg); i++)
		arg[i] = no_address(f);
	if (one_in(f, 2))
		memcpy(arg, &c->size, 4);
	if (one_in(f, 4)) /* the numbers around those that exist, of both kinds */
		cmd = one_in(f, 2) ? _IO(IOMMUFD_TYPE, 0x60 + below(f, 0xa0)) :
				     _IO(IODIRTY_TYPE, below(f, 0x100));
	else if (one_in(f, 4))
		cmd = ct_random(&f->state) & 0xffffffff;
	spare_linux(cmd, arg);
	memcpy(f->arg, arg, sizeof(arg));
	check_answer(cmd, ct_ioctl(cmd, f->arg));
}

/* A good number, and a pointer to nothing, or to the last bytes before the gap. */
static void stray_call(struct fuzz *f)
{
	const struct call *c = &calls[below(f, N(calls))];

	check_answer(c->cmd, ct_ioctl(c->cmd, (void *)pointer(f)));
}

static void list_engines(struct fuzz *f)
{
	if (!(ct.t->caps & TARGET_ENGINE))
		return;
	for (; f->nengines < N(f->engines); f->nengines++) {
		struct iodirty_engine *e = &f->engines[f->nengines];

		*e = (struct iodirty_engine){ .op = IODIRTY_ENGINE_GET_INDEX,
					      .index = f->nengines };
		if (ct.t->driver->engine(ct.t, e))
			return;
	}
}

static void fuzz_open(struct fuzz *f, u64 part)
{
	u8 *gap =
		mmap(NULL, 2 * GAP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct scene s;

	ct_check(gap != MAP_FAILED, "mmap: errno %d", errno);
	*f = (struct fuzz){ .state = ct.seed + part, .arena = gap + GAP };
	f->arg = gap + GAP / 2;
	ct_check(!mprotect(f->arena, ARENA, PROT_READ | PROT_WRITE) &&
			 !mprotect(f->arg, 4096, PROT_READ | PROT_WRITE),
		 "mprotect: errno %d", errno);
	f->memfd = ct_memfd(ARENA);
	list_engines(f);
	scene_open(&s);
	f->iova = s.iova;
	f->page = s.page;
	keep(f, s.hwpt);
	keep(f, s.ioas);
	keep(f, s.dev);
}

/* What the calls may have switched is switched back; then a scene works. */
static void fuzz_close(struct fuzz *f)
{
	struct scene s;
	u32 left;

	if (ct.t->caps & TARGET_FAIL_NTH)
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
	if (ct.t->caps & TARGET_MEMLOCK)
		x(ct.t->driver->memlock(ct.t, UINT64_MAX));
	ct_measure("calls that succeeded", f->succeeded, "1");
	ct_check(f->succeeded > CALLS / 100, "only %llu calls succeeded: they reach nothing",
		 (unsigned long long)f->succeeded);
	for (unsigned int i = 0; i < LIVE; i++)
		if (f->live[i])
			destroy(f->live[i]);
	scene_open(&s);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

static void fuzz(u64 part)
{
	struct fuzz f;

	fuzz_open(&f, part);
	for (int i = 0; i < CALLS; i++) {
		u64 which = below(&f, 16);

		if (which < 12)
			known_call(&f);
		else if (which < 15)
			noise_call(&f);
		else
			stray_call(&f);
	}
	fuzz_close(&f);
}

CT_TEST(fuzz_1, "ABI-039", .timeout_s = 60)
{
	fuzz(1);
}

CT_TEST(fuzz_2, "ABI-039", .timeout_s = 60)
{
	fuzz(2);
}

CT_TEST(fuzz_3, "ABI-039", .timeout_s = 60)
{
	fuzz(3);
}

CT_TEST(fuzz_4, "ABI-039", .timeout_s = 60)
{
	fuzz(4);
}

CT_TEST(fuzz_5, "ABI-039", .timeout_s = 60)
{
	fuzz(5);
}
