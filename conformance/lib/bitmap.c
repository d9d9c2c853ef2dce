/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A bitmap with guards. Its mapping: a page of canaries; the pages that hold
 * the bitmap, the rest of them canaries; a page of canaries, or one without
 * access when the bitmap ends where that page begins.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "ct.h"

/*
 * Zeroes next to either end show a bit ORed in one too far, the ones a byte or
 * word stored over the end.
 */
#define CANARY 0x5a

static u64 bytes_of(const struct ct_bitmap *b)
{
	return (b->nbits + 7) / 8;
}

/* Bits of the last byte that are not the bitmap's. */
static u8 pad_of(const struct ct_bitmap *b)
{
	return b->nbits % 8 ? 0xff << b->nbits % 8 : 0;
}

/* Bytes of the mapping that can be accessed. */
static u64 open_size(const struct ct_bitmap *b, u64 page)
{
	return (b->offset + bytes_of(b)) % page ? b->map_size : b->map_size - page;
}

void ct_bitmap_init(struct ct_bitmap *b, u64 nbits, u64 offset)
{
	u64 page = sysconf(_SC_PAGESIZE);
	u64 open;

	*b = (struct ct_bitmap){ .nbits = nbits, .offset = page + offset % page };
	b->map_size = align_up(b->offset + bytes_of(b), page) + page;
	b->map =
		mmap(NULL, b->map_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ct_check(b->map != MAP_FAILED, "no memory for a bitmap of %" PRIu64 " bits", nbits);
	b->bytes = b->map + b->offset;
	open = open_size(b, page);
	ct_check(!mprotect(b->map + open, b->map_size - open, PROT_NONE),
		 "mprotect of a guard page failed: %s", ct_errno_name(errno));
	memset(b->map, CANARY, open);
	ct_bitmap_fill(b, 0);
}

void ct_bitmap_init_guarded(struct ct_bitmap *b, u64 nbits)
{
	u64 page = sysconf(_SC_PAGESIZE);

	ct_bitmap_init(b, nbits, -((nbits + 7) / 8) % page);
}

void ct_bitmap_fill(struct ct_bitmap *b, u8 byte)
{
	memset(b->bytes, byte, bytes_of(b));
	b->fill = byte;
}

bool ct_bitmap_test(const struct ct_bitmap *b, u64 bit)
{
	return b->bytes[bit / 8] >> bit % 8 & 1;
}

u64 ct_bitmap_count(const struct ct_bitmap *b)
{
	u64 count = 0, i;

	for (i = 0; i < bytes_of(b); i++)
		count += __builtin_popcount(b->bytes[i]);
	if (pad_of(b))
		count -= __builtin_popcount(b->bytes[bytes_of(b) - 1] & pad_of(b));
	return count;
}

static void check_canaries(const struct ct_bitmap *b, u64 from, u64 to)
{
	for (; from < to; from++)
		ct_check(b->map[from] == CANARY,
			 "byte %" PRId64 " of the bitmap, outside its %" PRIu64
			 " bytes, changed from %#x to %#x",
			 (int64_t)(from - b->offset), bytes_of(b), CANARY, b->map[from]);
}

void ct_bitmap_check_guards(const struct ct_bitmap *b)
{
	u8 pad = pad_of(b);

	check_canaries(b, 0, b->offset);
	check_canaries(b, b->offset + bytes_of(b), open_size(b, sysconf(_SC_PAGESIZE)));
	if (pad) {
		u8 was = b->fill & pad, got = b->bytes[bytes_of(b) - 1] & pad;

		ct_check(got == was,
			 "byte %" PRIu64 " of the bitmap: bits past bit %" PRIu64
			 ", the last, changed from %#x to %#x",
			 bytes_of(b) - 1, b->nbits - 1, was, got);
	}
}

void ct_bitmap_free(struct ct_bitmap *b)
{
	munmap(b->map, b->map_size);
	*b = (struct ct_bitmap){ 0 };
}
