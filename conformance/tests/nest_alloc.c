/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter NEST: what a nested HWPT is refused for, how its caches are invalidated,
 * and the page requests of the devices attached to it.
 */
#include <unistd.h>

#include "nest.h"

/* ---- refusals ---- */

/* Each row differs from a good request in one thing. */
CT_TEST(nested_refusals, "NEST-001", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	const struct iommu_hwpt_selftest data = { .iotlb = IOMMU_TEST_IOTLB_DEFAULT };
	const u8 longer[sizeof(data) + 1] = { 0 };
	const u32 type = IOMMU_HWPT_DATA_SELFTEST, size = sizeof(data.iotlb);
	u32 ioas, dev, parent, plain, automatic, nested, id = 0;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT | IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			&parent));
	x(ct_hwpt_alloc(dev, ioas, 0, &plain));
	x(ct_attach_out(dev, 0, ioas, &automatic));
	x(nested_alloc(dev, parent, 0, 0, &nested));
	{
		const struct {
			u32 pt, flags, fault_id, type;
			const void *data;
			u32 len;
			int err;
		} rows[] = {
			{ plain, 0, 0, type, &data, size, EINVAL },
			{ automatic, 0, 0, type, &data, size, EINVAL },
			{ nested, 0, 0, type, &data, size, EINVAL },
			{ dev, 0, 0, type, &data, size, EINVAL },
			{ 0x7fffffff, 0, 0, type, &data, size, EINVAL },
			{ ioas, 0, 0, type + 1, &data, size, EOPNOTSUPP },
			{ parent, IOMMU_HWPT_ALLOC_NEST_PARENT, 0, type, &data, size, EOPNOTSUPP },
			{ parent, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0, type, &data, size,
			  EOPNOTSUPP },
			{ parent, 1u << 31, 0, type, &data, size, EOPNOTSUPP },
			{ parent, IOMMU_HWPT_FAULT_ID_VALID, 0x7fffffff, type, &data, size,
			  ENOENT },
			{ parent, IOMMU_HWPT_FAULT_ID_VALID, dev, type, &data, size, ENOENT },
			{ parent, 0, 0, IOMMU_HWPT_DATA_NONE, &data, size, EINVAL },
			{ parent, 0, 0, IOMMU_HWPT_DATA_NONE, NULL, 0, EOPNOTSUPP },
			{ parent, 0, 0, type, &data, 0, EINVAL },
			{ parent, 0, 0, type + 1, &data, size, EOPNOTSUPP },
			{ parent, 0, 0, type, &data, size - 1, EINVAL },
			{ parent, 0, 0, type, longer, sizeof(longer), EINVAL },
			{ parent, 0, 0, type, NULL, size, EFAULT },
		};

		for (u32 i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			int ret = hwpt_alloc_data(dev, rows[i].pt, rows[i].flags, rows[i].fault_id,
						  rows[i].type, rows[i].data, rows[i].len, &id);

			ct_check(ret == -rows[i].err, "row %u: %s, expected %s", i,
				 ct_errno_name(ret), ct_errno_name(rows[i].err));
		}
	}
	x_err(ENOENT, nested_alloc(0x7fffffff, parent, 0, 0, &id));
	/* None of them holds the parent. */
	x(ct_destroy(nested));
	x(ct_destroy(parent));
}

/* Tables of another format cannot be below. */
CT_TEST(nested_other_format, "NEST-001", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED)
{
	const u32 flags = IOMMU_HWPT_ALLOC_NEST_PARENT;
	struct iodirty_plug plug = { .format = "mock" };
	u32 ioas, dev, parent, id;

	if (!is_mock(&ct.config) || ct.config.format.flags & IODIRTY_FORMAT_VARIANT)
		ct_skip("this is the mock");
	if (!(ct.config.format.flags & IODIRTY_FORMAT_NEST_PARENT))
		ct_skip("the format has no parents");
	x(ct.t->driver->plug(ct.t, &plug));
	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_hwpt_alloc(dev, ioas, flags, &parent));
	x_err(EINVAL, nested_alloc(plug.out_dev_id, parent, 0, 0, &id));
	/* Nor has the format a stage 1 that is the mock's. */
	x_err(EOPNOTSUPP, nested_alloc(dev, parent, 0, 0, &id));
	x(ct_destroy(parent));
}

/* ---- HWPT_INVALIDATE ---- */

struct nested_scene {
	u32 ioas, dev, parent, nested;
};

static struct nested_scene open_nested(u32 flags, u32 fault_id)
{
	struct nested_scene s;

	x(ct_ioas_alloc(&s.ioas));
	x(ct_plug(0, &s.dev));
	x(ct_hwpt_alloc(s.dev, s.ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &s.parent));
	x(nested_alloc(s.dev, s.parent, flags, fault_id, &s.nested));
	return s;
}

static void expect_iotlb(u32 nested, u32 w0, u32 w1, u32 w2, u32 w3)
{
	const u32 words[] = { w0, w1, w2, w3 };

	for (u32 i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM; i++) {
		struct iommu_test_cmd cmd = {
			.size = sizeof(cmd),
			.op = IOMMU_TEST_OP_MD_CHECK_IOTLB,
			.id = nested,
			.check_iotlb = { .id = i, .iotlb = words[i] },
		};

		x(ct_ioctl(IOMMU_TEST_CMD, &cmd));
		cmd.check_iotlb.iotlb ^= 1;
		x_err(EINVAL, ct_ioctl(IOMMU_TEST_CMD, &cmd));
	}
}

CT_TEST(invalidate_in_turn, "NEST-010", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	enum { TYPE = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, OLD = IOMMU_TEST_IOTLB_DEFAULT };
	struct iommu_hwpt_invalidate_selftest in[3] = { 0 };
	struct nested_scene s = open_nested(0, 0);
	const u32 size = sizeof(in[0]);
	u32 num;

	expect_iotlb(s.nested, OLD, OLD, OLD, OLD);
	/* The second is refused: the first was done, the third is not. */
	in[0].iotlb_id = 1;
	in[1].flags = ~0u;
	in[2].iotlb_id = 2;
	num = 3;
	x_err(EOPNOTSUPP, invalidate(s.nested, TYPE, in, size, &num));
	ct_check(num == 1, "1 entry was good, %u are said to be done", num);
	expect_iotlb(s.nested, OLD, 0, OLD, OLD);
	in[1] = (struct iommu_hwpt_invalidate_selftest){ .iotlb_id = 4 };
	in[0].iotlb_id = 3;
	num = 3;
	x_err(EINVAL, invalidate(s.nested, TYPE, in, size, &num));
	ct_check(num == 1, "1 entry was good, %u are said to be done", num);
	expect_iotlb(s.nested, OLD, 0, OLD, 0);
	/* The array ends where memory does. */
	{
		struct iommu_hwpt_invalidate_selftest *last =
			ct_memory(4096, 4096, 0) + 4096 - size;

		last->iotlb_id = 0;
		num = 2;
		x_err(EFAULT, invalidate(s.nested, TYPE, last, size, &num));
		ct_check(num == 1, "1 entry could be read, %u are said to be done", num);
	}
	expect_iotlb(s.nested, 0, 0, OLD, 0);
	in[0].iotlb_id = 2;
	num = 1;
	x(invalidate(s.nested, TYPE, in, size, &num));
	ct_check(num == 1, "1 entry, %u are said to be done", num);
	expect_iotlb(s.nested, 0, 0, 0, 0);

	/* One of two is the other's business. */
	x(nested_alloc(s.dev, s.parent, 0, 0, &s.nested));
	in[0] = (struct iommu_hwpt_invalidate_selftest){ .iotlb_id = 1 };
	num = 1;
	x(invalidate(s.nested, TYPE, in, size, &num));
	expect_iotlb(s.nested, OLD, 0, OLD, OLD);
	in[0].flags = IOMMU_TEST_INVALIDATE_FLAG_ALL;
	num = 1;
	x(invalidate(s.nested, TYPE, in, size, &num));
	expect_iotlb(s.nested, 0, 0, 0, 0);
}

CT_TEST(invalidate_refusals, "NEST-010", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	const u32 type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST, old = IOMMU_TEST_IOTLB_DEFAULT;
	const struct iommu_hwpt_invalidate_selftest in[2] = { 0 };
	struct nested_scene s = open_nested(0, 0);
	const u32 size = sizeof(in[0]);
	struct iommu_hwpt_invalidate reserved = { .size = sizeof(reserved),
						  .hwpt_id = s.nested,
						  .data_uptr = (uintptr_t)in,
						  .data_type = type,
						  .entry_len = size,
						  .entry_num = 1,
						  .__reserved = 1 };
	const struct {
		u32 hwpt, type;
		const void *in;
		u32 len, num;
		int err;
	} rows[] = {
		{ s.parent, type, in, size, 1, ENOENT },
		{ s.ioas, type, in, size, 1, ENOENT },
		{ 0, type, in, size, 0, ENOENT },
		{ s.nested, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID, in, size, 1, EINVAL },
		{ s.nested, IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID, NULL, 0, 0, EINVAL },
		{ s.nested, type, NULL, 0, 0, 0 }, /* is the type known? */
		{ s.nested, type, NULL, size, 1, EINVAL },
		{ s.nested, type, in, 0, 1, EINVAL },
		{ s.nested, type, in, 1, 1, EINVAL },
		{ s.nested, type, in, size + 1, 1, EINVAL },
		{ s.nested, type, in, UINT32_MAX, 1, EINVAL },
		{ s.nested, type, in, size, UINT32_MAX, EINVAL },
		{ s.nested, type, (void *)8, size, 1, EFAULT },
	};

	for (u32 i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		u32 num = rows[i].num;
		int ret = invalidate(rows[i].hwpt, rows[i].type, rows[i].in, rows[i].len, &num);

		ct_check(ret == -rows[i].err && num == 0, "row %u: %s and %u done, expected %s", i,
			 ct_errno_name(ret), num, ct_errno_name(rows[i].err));
	}
	x_err(EOPNOTSUPP, ct_ioctl(IOMMU_HWPT_INVALIDATE, &reserved));
	ct_check(reserved.entry_num == 0, "refused, and %u done", reserved.entry_num);
	expect_iotlb(s.nested, old, old, old, old);
}

/* ---- page requests ---- */

static int queue_alloc(u32 flags, u32 *id, int *fd)
{
	struct iommu_fault_alloc arg = { .size = sizeof(arg), .flags = flags };
	int ret = ct_ioctl(IOMMU_FAULT_QUEUE_ALLOC, &arg);

	*id = ret ? 0 : arg.out_fault_id;
	*fd = ret ? -1 : (int)arg.out_fault_fd;
	return ret;
}

static void request_page(u32 dev, u32 pasid, u32 perm, u64 addr)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_TRIGGER_IOPF,
		.trigger_iopf = { .dev_id = dev,
				  .pasid = pasid,
				  .grpid = 0x1f,
				  .perm = perm,
				  .addr = addr },
	};

	x(ct_ioctl(IOMMU_TEST_CMD, &cmd));
}

/* The next request must be this one. Returns its cookie. */
static u32 expect_request(int fd, u32 dev, u32 pasid, u32 perm, u64 addr)
{
	const u32 flags = IOMMU_PGFAULT_FLAGS_LAST_PAGE |
			  (pasid ? IOMMU_PGFAULT_FLAGS_PASID_VALID : 0);
	struct iommu_hwpt_pgfault f;
	ssize_t n = read(fd, &f, sizeof(f));

	ct_check(n == sizeof(f), "a record of %zd bytes, expected %zu", n, sizeof(f));
	ct_check(f.flags == flags && f.dev_id == dev && f.pasid == pasid && f.grpid == 0x1f &&
			 f.perm == perm && f.addr == addr && f.length == 0 && f.__reserved == 0,
		 "request: flags %#x dev %u pasid %u group %u perm %u addr %#llx length %u, asked "
		 "for %#llx",
		 f.flags, f.dev_id, f.pasid, f.grpid, f.perm, (unsigned long long)f.addr, f.length,
		 (unsigned long long)addr);
	return f.cookie;
}

static void respond(int fd, u32 cookie, u32 code)
{
	const struct iommu_hwpt_page_response r = { .cookie = cookie, .code = code };

	ct_check(write(fd, &r, sizeof(r)) == sizeof(r), "a response could not be written: %s",
		 ct_errno_name(errno));
}

/* So many answered since the case began; where that can be seen. */
static void expect_answered(u64 served, u64 refused, const char *when)
{
	struct iodirty_stats stats = { 0 };

	if (!(ct.t->caps & TARGET_STATS))
		return;
	x(ct.t->driver->stats(ct.t, &stats));
	ct_check(stats.requests_served == served && stats.requests_refused == refused,
		 "%s: %llu served, %llu refused; expected %llu and %llu", when,
		 (unsigned long long)stats.requests_served,
		 (unsigned long long)stats.requests_refused, (unsigned long long)served,
		 (unsigned long long)refused);
}

#define RW (IOMMU_PGFAULT_PERM_READ | IOMMU_PGFAULT_PERM_WRITE)

CT_TEST(request_and_answer, "NEST-011", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct nested_scene s;
	u32 queue, cookies[3];
	int fd;

	x(queue_alloc(0, &queue, &fd));
	s = open_nested(IOMMU_HWPT_FAULT_ID_VALID, queue);
	x(ct_attach(s.dev, 0, s.nested));
	request_page(s.dev, 0, RW, 0xdeadb000);
	cookies[0] = expect_request(fd, s.dev, 0, RW, 0xdeadb000);
	/* In the order in which they were asked; a guest's PASIDs too, whose table
	 * is the nested HWPT's. */
	request_page(s.dev, 0, IOMMU_PGFAULT_PERM_READ, 0x1000);
	request_page(s.dev, 7, IOMMU_PGFAULT_PERM_WRITE, UINT64_MAX);
	cookies[1] = expect_request(fd, s.dev, 0, IOMMU_PGFAULT_PERM_READ, 0x1000);
	cookies[2] = expect_request(fd, s.dev, 7, IOMMU_PGFAULT_PERM_WRITE, UINT64_MAX);
	ct_check(cookies[0] != cookies[1] && cookies[1] != cookies[2] && cookies[0] != cookies[2],
		 "cookies %u, %u and %u do not tell three requests apart", cookies[0], cookies[1],
		 cookies[2]);
	expect_answered(0, 0, "three are waiting");
	respond(fd, cookies[1], IOMMUFD_PAGE_RESP_SUCCESS);
	expect_answered(1, 0, "one answered");
	respond(fd, cookies[2], IOMMUFD_PAGE_RESP_INVALID);
	respond(fd, cookies[0], IOMMUFD_PAGE_RESP_SUCCESS);
	expect_answered(2, 1, "all answered");
	x(ct_detach(s.dev, 0));
	expect_answered(2, 1, "detached, nothing waiting");
}

/* Only the one asked for is answered, only once, and only by a code there is. */
CT_TEST(answer_checked, "NEST-011", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED | TARGET_STATS,
	.requires = is_mock)
{
	struct nested_scene s;
	u32 queue, cookie;
	int fd;

	x(queue_alloc(0, &queue, &fd));
	s = open_nested(IOMMU_HWPT_FAULT_ID_VALID, queue);
	x(ct_attach(s.dev, 0, s.nested));
	request_page(s.dev, 0, RW, 0);
	cookie = expect_request(fd, s.dev, 0, RW, 0);
	respond(fd, cookie + 1, IOMMUFD_PAGE_RESP_SUCCESS);
	respond(fd, 0, IOMMUFD_PAGE_RESP_SUCCESS);
	respond(fd, cookie, 2);
	expect_answered(0, 0, "another cookie, and a code that does not exist");
	respond(fd, cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	respond(fd, cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_answered(1, 0, "the same answer twice");
}

/* A device that waits for a page would wait for ever. */
CT_TEST(no_request_is_left, "NEST-012", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NESTED | TARGET_STATS | TARGET_UNPLUG, .requires = is_mock)
{
	struct nested_scene s;
	u32 queue, cookie, other, dev;
	int fd;

	x(queue_alloc(0, &queue, &fd));
	s = open_nested(IOMMU_HWPT_FAULT_ID_VALID, queue);
	x(nested_alloc(s.dev, s.parent, 0, 0, &other));
	/* Nobody reads: neither attached at all, nor to what has a queue. */
	request_page(s.dev, 0, RW, 0);
	expect_answered(0, 1, "not attached");
	x(ct_attach(s.dev, 0, other));
	request_page(s.dev, 0, RW, 0);
	expect_answered(0, 2, "no queue");

	x(ct_replace(s.dev, 0, s.nested));
	x(ct_plug(0, &dev));
	x(ct_attach(dev, 0, s.nested));
	request_page(s.dev, 0, RW, 0x1000);
	request_page(dev, 0, RW, 0x2000);
	request_page(s.dev, 0, RW, 0x3000);
	cookie = expect_request(fd, s.dev, 0, RW, 0x1000);
	expect_answered(0, 2, "three are waiting, one of them was read");
	x(ct_replace(s.dev, 0, other));
	expect_answered(0, 4, "replaced: its two are answered, the other device's is not");
	/* Too late: it is no more. */
	respond(fd, cookie, IOMMUFD_PAGE_RESP_SUCCESS);
	expect_answered(0, 4, "an answer that is late");
	x(ct_unplug(dev));
	expect_answered(0, 5, "unplugged");

	x(ct_replace(s.dev, 0, s.nested));
	request_page(s.dev, 0, RW, 0x4000);
	x(ct_detach(s.dev, 0));
	expect_answered(0, 6, "detached");
}

CT_TEST(fault_queue, "ABI-044", .needs = TARGET_NESTED)
{
	u32 queue, second, ioas, dev, hwpt;
	int fd, second_fd, ret;

	x_err(EOPNOTSUPP, queue_alloc(1, &queue, &fd));
	x(queue_alloc(0, &queue, &fd));
	x(queue_alloc(0, &second, &second_fd));
	ct_check(queue && second && queue != second && fd > 0 && second_fd > 0 && fd != second_fd,
		 "two queues: ids %u and %u, descriptors %d and %d", queue, second, fd, second_fd);
	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	ret = hwpt_alloc_data(dev, ioas, IOMMU_HWPT_FAULT_ID_VALID, ioas, 0, NULL, 0, &hwpt);
	if (ret == -EOPNOTSUPP && !(ct.t->caps & TARGET_REFERENCE))
		ct_skip("this mock's HWPTs over an IOAS take no queue");
	x_err(ENOENT, ret);
	x_err(EOPNOTSUPP,
	      hwpt_alloc_data(dev, ioas, IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_NEST_PARENT,
			      queue, 0, NULL, 0, &hwpt));
	x(hwpt_alloc_data(dev, ioas, IOMMU_HWPT_FAULT_ID_VALID, queue, 0, NULL, 0, &hwpt));
	x_err(EBUSY, ct_destroy(queue));
	/* Linux keeps a queue for as long as its descriptor is open. */
	x(ct_close(second_fd));
	x(ct_destroy(second));
	x_err(ENOENT, ct_destroy(second));
	x(ct_attach(dev, 0, hwpt));
	request_page(dev, 0, RW, 0x5000);
	respond(fd, expect_request(fd, dev, 0, RW, 0x5000), IOMMUFD_PAGE_RESP_SUCCESS);
	expect_answered(1, 0, "one asked and answered");
	x(ct_detach(dev, 0));
	x_err(EBUSY, ct_destroy(queue));
	x(ct_destroy(hwpt));
	x(ct_close(fd));
	x(ct_destroy(queue));
	x_err(ENOENT,
	      hwpt_alloc_data(dev, ioas, IOMMU_HWPT_FAULT_ID_VALID, queue, 0, NULL, 0, &hwpt));
}

/* Whatever fails on the way, neither the parent nor the queue is held by nothing. */
CT_TEST(nth_nested_alloc, "ERRORS-014", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NESTED | TARGET_FAIL_NTH, .requires = is_mock)
{
	struct nested_scene s = open_nested(0, 0);
	u32 left = 0, failures = 0;

	for (u32 nth = 1; !left; nth++) {
		u32 queue, nested = 0;
		int fd, ret;

		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = queue_alloc(0, &queue, &fd);
		if (!ret)
			ret = nested_alloc(s.dev, s.parent, IOMMU_HWPT_FAULT_ID_VALID, queue,
					   &nested);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		ct_check(left == 0 || ret == 0, "failed by itself: %s", ct_errno_name(ret));
		failures += ret != 0;
		if (nested)
			x(ct_destroy(nested));
		if (queue) {
			x(ct_close(fd));
			x(ct_destroy(queue));
		}
	}
	ct_check(failures > 0, "nothing could be made to fail");
	x(ct_destroy(s.nested));
	x(ct_destroy(s.parent));
}
