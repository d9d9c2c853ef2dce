/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a conformance test is written with. One test is one function:
 *
 *	CT_TEST(report_is_base_relative, "REPORT-002", .scope = CT_EACH_LEAF)
 *	{
 *		struct scene s;
 *
 *		scene_open(&s, .leaves = 4);
 *		scene_write(&s, 2 * s.leaf, 1);
 *		scene_expect(&s, s.leaf, 2 * s.leaf, s.granule);
 *	}
 *
 * Each case, a test in one configuration, runs in a process of its own on a
 * freshly opened target, under a timeout; nothing has to be cleaned up.
 * A test passes by returning. It fails by ct_fail() or anything built on it, and
 * is skipped by ct_skip(), from the main thread only.
 */
#ifndef IODIRTY_CT_H
#define IODIRTY_CT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "abi/vfio.h"
#include "target.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* ---- declaring ---- */

enum ct_scope {
	CT_ONCE, /* the answer does not depend on the page-table format */
	CT_EACH_FORMAT, /* once a format, with its smallest leaf */
	CT_EACH_LEAF, /* every format with every leaf size of the run */
};

struct ct_config; /* below */

struct ct_test {
	const char *name;
	const char *requirement; /* id in requirements.toml */
	const char *file;
	int line;
	void (*run)(void);
	enum ct_scope scope;
	uint64_t needs; /* enum target_cap: not claimed is a skip */
	/* NULL, or why the test has no meaning in this configuration. */
	const char *(*requires)(const struct ct_config *config);
	unsigned int timeout_s; /* 0: 20 seconds */
	bool concurrent; /* also run under ThreadSanitizer */
	/* Worth its seconds at leaves of 1 GiB too, in the usual run; the rest
	 * run there with --leaf all. */
	bool giant;
};

#define CT_TEST(ident, req, ...)                                               \
	static void ident(void);                                               \
	static const struct ct_test ct_test_##ident = { .name = #ident,        \
							.requirement = req,    \
							.file = __FILE__,      \
							.line = __LINE__,      \
							.run = ident,          \
							__VA_ARGS__ };         \
	static const struct ct_test *const ct_entry_##ident                    \
		__attribute__((used, section("ct_tests"))) = &ct_test_##ident; \
	static void ident(void)

/* ---- where a case runs ---- */

struct ct_config {
	struct iodirty_format_info format;
	unsigned int leaf_lg2; /* the leaf size that scenes are built of */
};

struct ct {
	struct target *t;
	struct ct_config config;
	u64 seed; /* of this run; print nothing, it is in the record */
	u64 soak_s; /* how much longer a test that soaks is to run, seconds */
};
extern struct ct ct;

/* ---- verdicts ---- */

void ct_fail(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
void ct_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* The IOMMU under test cannot track, and says so: a verdict of its own. */
void ct_not_capable(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Text for the record whatever the verdict; shown with a failure. */
void ct_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A number for the record, e.g. ct_measure("writes", n, "1"). */
void ct_measure(const char *name, double value, const char *unit);
/* "ENOENT" and so on, for 2 or -2; "0" for 0. */
const char *ct_errno_name(int err);

#define ct_check(cond, ...)                   \
	do {                                  \
		if (!(cond))                  \
			ct_fail(__VA_ARGS__); \
	} while (0)

/* @expr returns 0 or -errno: it must succeed; it must fail just so. */
#define x(expr) ct_expect_errno(0, (expr), #expr, __FILE__, __LINE__)
#define x_err(err, expr) ct_expect_errno((err), (expr), #expr, __FILE__, __LINE__)
void ct_expect_errno(int err, int ret, const char *what, const char *file, int line);

/* ---- iommufd, a call an ioctl; 0 or -errno ---- */

int ct_ioctl(unsigned long cmd, void *arg); /* ct.t's */
int ct_close(int fd); /* of an access or a fault queue */
int ct_destroy(u32 id);
int ct_ioas_alloc(u32 *ioas);
/* Fixed IOVA, readable and writable. */
int ct_map(u32 ioas, void *va, u64 length, u64 iova);
int ct_map_flags(u32 ioas, u32 flags, void *va, u64 length, u64 *iova);
int ct_map_file(u32 ioas, u32 flags, int fd, u64 start, u64 length, u64 *iova);
int ct_copy(u32 dst_ioas, u64 dst_iova, u32 src_ioas, u64 src_iova, u64 length, u32 flags);
int ct_unmap(u32 ioas, u64 iova, u64 length, u64 *unmapped); /* @unmapped may be NULL */
int ct_option(u32 option, u32 object, u16 op, u64 *val);
int ct_hwpt_alloc(u32 dev, u32 pt, u32 flags, u32 *hwpt);
int ct_hw_info(u32 dev, u64 *capabilities);
int ct_set_tracking(u32 hwpt, bool on);
/* enum iodirty_split_policy. */
int ct_split(u32 hwpt, u32 policy);
/* The extension: unmap, and report what was written until then. */
int ct_unmap_dirty(u32 ioas, u64 iova, u64 length, u64 page_size, const void *bitmap);
int ct_get_bitmap(u32 hwpt, u32 flags, u64 iova, u64 length, u64 page_size, const void *bitmap);
/* Of a device with PASIDs: few, or what the kernel's mock has. */
#define PASID_WIDTH (ct.t->caps & TARGET_REFERENCE ? 8u : (u32)MOCK_PASID_WIDTH)
/* Plug a device of this configuration's format. */
int ct_plug(u32 flags, u32 *dev);
int ct_plug_pasid(u32 flags, u32 pasid_width, u32 *dev);
/* The same as @like, but for its format. */
int ct_plug_as(const struct iodirty_plug *like, u32 *dev);
int ct_unplug(u32 dev);
int ct_attach(u32 dev, u32 pasid, u32 pt); /* pt: IOAS or HWPT */
int ct_attach_out(u32 dev, u32 pasid, u32 pt, u32 *hwpt);
int ct_replace(u32 dev, u32 pasid, u32 pt);
int ct_detach(u32 dev, u32 pasid);
/* A DMA write, complete on return: 0, or -EFAULT if the device faulted. */
int ct_dma_write(u32 dev, u32 pasid, u64 iova, const void *data, u64 length);
int ct_dma_read(u32 dev, u32 pasid, u64 iova, void *data, u64 length);

/* ---- VFIO devices (vfio.c): TARGET_VFIO; 0 or -errno unless it says otherwise ---- */

/* A device as @like, but for its format, which is this configuration's; *@id. */
int ct_vfio_plug(const struct iodirty_vfio_plug *like, u32 *id);
int ct_vfio_unplug(u32 id);
/* A descriptor of enum iodirty_vfio_node, or -errno. ct_close() closes it. */
int ct_vfio_open(u32 node, u32 id);
int ct_fd_ioctl(int fd, unsigned long cmd, void *arg);
/* Of an open device: bind to the target's iommufd. */
int ct_vfio_bind(int fd, u32 *dev);
int ct_vfio_attach(int fd, u32 pt, u32 *hwpt); /* @hwpt may be NULL */
int ct_vfio_attach_pasid(int fd, u32 pasid, u32 pt);
int ct_vfio_detach(int fd);
int ct_vfio_detach_pasid(int fd, u32 pasid);
/* VFIO_DEVICE_FEATURE: @flags with the feature's number; @size bytes of @data, in and out. */
int ct_vfio_feature(int fd, u32 flags, void *data, u32 size);
/* A device as @like: plugged, opened, bound, its bus master on. Returns its descriptor;
 * what fails, fails the test. */
int ct_vfio_device(const struct iodirty_vfio_plug *like, u32 *id);
/* Registers (enum iodirty_bar), of 8 bytes; a failure fails the test. */
u64 ct_bar_read(int fd, u32 reg);
void ct_bar_write(int fd, u32 reg, u64 value);
void ct_vfio_bus_master(int fd, bool on);
/* The device, told by its registers, writes @length bytes, at most its buffer's:
 * 0, or -EFAULT if it faulted. */
int ct_vfio_write(int fd, u64 iova, const void *data, u32 length);
int ct_vfio_write_pasid(int fd, u32 pasid, u64 iova, const void *data, u32 length);
/* An MDEV, told by its registers, pins a range for good, or undoes just that. */
int ct_vfio_pin(int fd, u64 iova, u64 length);
int ct_vfio_unpin(int fd, u64 iova, u64 length);
/* Its generator: as a stream. */
void ct_vfio_generate(int fd, const struct iodirty_stream_start *s);
/* How many writes are complete; after the stop there are no more. */
u64 ct_vfio_generated(int fd);
u64 ct_vfio_generate_stop(int fd);

/* ---- memory ---- */

/*
 * @length bytes, zeroed, at an address that is @offset beyond a multiple of
 * @align (a power of two, at least a page). Above 64 MiB the same 2 MiB repeat,
 * so that a leaf of 1 GiB costs little: write there through DMA, do not compare.
 */
void *ct_memory(u64 length, u64 align, u64 offset);
int ct_memfd(u64 length); /* a memfd of zeroes; descriptor */

/* ---- a bitmap with guards ---- */

/*
 * @nbits bits whose first byte lies at page offset @offset of its page. Bytes
 * before and after it hold canaries, and where the bitmap's last byte is the
 * last of its page, the next page cannot be accessed at all.
 */
struct ct_bitmap {
	u8 *bytes;
	u64 nbits;
	/* private */
	u8 *map;
	u64 map_size, offset;
	u8 fill; /* of bits >= nbits in the last byte */
};
void ct_bitmap_init(struct ct_bitmap *b, u64 nbits, u64 offset);
/* As above, ending at the last byte of a page: a guard page follows. */
void ct_bitmap_init_guarded(struct ct_bitmap *b, u64 nbits);
void ct_bitmap_fill(struct ct_bitmap *b, u8 byte);
bool ct_bitmap_test(const struct ct_bitmap *b, u64 bit);
u64 ct_bitmap_count(const struct ct_bitmap *b);
/* Fails the test if a byte outside, or a bit >= nbits of the last byte, changed
 * since _init (zeroes: a bit set shows) or _fill (ones: a bit cleared does). */
void ct_bitmap_check_guards(const struct ct_bitmap *b);
void ct_bitmap_free(struct ct_bitmap *b);

/* ---- a scene: a device tracked through a HWPT over an IOAS ---- */

/*
 * leaves * leaf bytes mapped as one area at iova, so that every leaf has the
 * configuration's size where the target lets alignment decide (TARGET_LEAF),
 * and no larger one elsewhere is relied upon. The scene remembers what was
 * written since the last clearing harvest, which is the truth that
 * scene_expect holds the target to.
 */
struct scene {
	u32 ioas, dev, hwpt;
	u64 iova, length;
	u64 leaf; /* bytes of a leaf of this configuration */
	u64 reach; /* of the largest that may be there: a write may show so far */
	u64 granule; /* bytes of the format's smallest leaf, at least 2048 */
	u64 page; /* granule, at least 4096: what IOAS_MAP is sure to take */
	u8 *mem; /* where iova is mapped from */
	struct ct_shadow *truth;
};

struct scene_options {
	u64 leaves; /* default 4 */
	u32 hwpt_flags; /* besides DIRTY_TRACKING */
	u32 plug_flags; /* enum iodirty_plug_flags */
	u32 pasid_width; /* of the device */
	const struct iodirty_plug *plug; /* instead of these two: ct_plug_as() */
	bool no_attach; /* leave the device unattached */
	bool no_enable; /* leave tracking off */
	bool no_map; /* leave the IOAS empty; iova, length and mem are set */
};

#define scene_open(s, ...) scene_open_options(s, &(struct scene_options){ __VA_ARGS__ })
void scene_open_options(struct scene *s, const struct scene_options *o);

/* @other: a second device, tracked through a HWPT of its own over @ioas, with @s's
 * memory and IOVAs; its writes are remembered apart. */
void scene_beside(struct scene *other, const struct scene *s, u32 ioas);

/* A DMA write of @length bytes at iova + @offset; remembered. */
void scene_write(struct scene *s, u64 offset, u64 length);
/* GET_DIRTY_BITMAP of [iova + offset, + length). Forgets nothing. */
int scene_get(struct scene *s, u32 flags, u64 offset, u64 length, u64 page_size,
	      const void *bitmap);
/*
 * A clearing harvest of [iova + offset, + length) at @page_size into a guarded
 * bitmap, held against the truth: every granule written must be there; one that
 * is there must lie in a leaf that was written (exactly those leaves, with
 * TARGET_LEAF); guards intact. Afterwards the range is clean in the truth.
 */
void scene_expect(struct scene *s, u64 offset, u64 length, u64 page_size);
/* The same without clearing (NO_CLEAR). */
void scene_expect_no_clear(struct scene *s, u64 offset, u64 length, u64 page_size);
/*
 * Nothing is mapped in [iova + offset, + length) of @hwpt: a harvest reports nothing.
 * That it also says so is ERRORS-005: a kernel that does not is told of it there, and
 * may succeed here.
 */
void scene_expect_hole(const struct scene *s, u32 hwpt, u64 offset, u64 length);
/* Hold a bitmap that the test harvested itself against the truth; @forget: the
 * harvest cleared. @iova is the IOVA of bit 0. */
void scene_compare(struct scene *s, const struct ct_bitmap *b, u64 iova, u64 page_size,
		   bool forget);
/* Correct the truth by hand: what a test knows to be dirty, or clean. Offsets
 * are relative to iova, as above. */
void scene_mark(struct scene *s, u64 offset, u64 length);
void scene_forget(struct scene *s, u64 offset, u64 length);

/* ---- the truth: which leaves and bytes were written ---- */

/*
 * Kept in units of the format's granule over [iova, iova + length): which units
 * were written, and which belong to a leaf that was. It knows leaf sizes from
 * the configuration (naturally aligned blocks of it), never from the target.
 */
struct ct_shadow *ct_shadow_new(u64 iova, u64 length, u64 unit, u64 leaf);
void ct_shadow_free(struct ct_shadow *s);
void ct_shadow_write(struct ct_shadow *s, u64 iova, u64 length);
void ct_shadow_forget(struct ct_shadow *s, u64 iova, u64 length);
/* Fails the test with the first wrong bit: index, IOVA, expected, seen. @exact:
 * the bits must be all the leaves written; else between bytes and leaves. */
void ct_shadow_compare(const struct ct_shadow *s, const struct ct_bitmap *b, u64 iova,
		       u64 page_size, bool exact);

/* ---- numbers ---- */

u64 ct_random(u64 *state); /* SplitMix64; start from ct.seed */

#endif
