/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What runs in the migrated machine, booted by multiboot (0.6.96), paging off, so its
 * addresses are the machine's: it fills all of its memory, finds the modelled device on PCI,
 * has it write random pages (abi/iodirty.h, enum iodirty_bar), and goes on writing itself.
 *
 * On the serial port: "ready START LENGTH", where the device writes, when it does; then now and then "completed N faults N",
 * of the device; or "failed: " and why. Its command line: seed=N rate=N, decimal.
 */
#include "abi/iodirty.h"

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define COM1 0x3f8
#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define PIC_MASK 0x21
#define TIMER_VECTOR 8 /* as firmware leaves it: IRQ 0, 18 times a second */
#define CODE 8 /* selector, in gdt below */
#define TICKS_A_REPORT 4
#define OWN_PAGES 16 /* that the processor writes at each tick */
#define MIB (1u << 20)
#define PAGE 4096u

struct multiboot_info {
	u32 flags;
	u32 mem_lower, mem_upper; /* KiB; upper: from 1 MiB on */
	u32 boot_device;
	u32 cmdline;
};

/* Its header, whose flag 2 asks for the size of memory; segments of our own, since those that
 * we come with are the loader's; a timer's interrupt, which only ends a hlt. */
__asm__(".section .multiboot, \"a\"\n"
	".long 0x1badb002, 2, -(0x1badb002 + 2)\n"
	".text\n"
	".globl _start\n"
	"_start:\n"
	"	cli\n"
	"	movl $stack_end, %esp\n"
	"	lgdt gdt_pointer\n"
	"	ljmp $8, $1f\n"
	"1:	movw $16, %ax\n"
	"	movw %ax, %ds\n"
	"	movw %ax, %es\n"
	"	movw %ax, %ss\n"
	"	pushl %ebx\n"
	"	call guest_main\n"
	"1:	hlt\n"
	"	jmp 1b\n"
	"timer:\n"
	"	pushl %eax\n"
	"	movb $0x20, %al\n"
	"	outb %al, $0x20\n"
	"	popl %eax\n"
	"	iretl\n"
	".balign 8\n"
	"gdt:	.quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff\n"
	"gdt_pointer: .word 23\n"
	"	.long gdt\n"
	".bss\n"
	".balign 16\n"
	".skip 16384\n"
	"stack_end:\n"
	".text\n");

void guest_main(const struct multiboot_info *info);
extern char timer[], image_end[];

static void *at(u32 address)
{
	return (void *)(unsigned long)address;
}

static u32 address_of(const volatile void *p)
{
	return (u32)(unsigned long)p;
}

static inline void out8(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline u8 in8(u16 port)
{
	u8 v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void out32(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline u32 in32(u16 port)
{
	u32 v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

/* ---- words ---- */

static void put(const char *text)
{
	for (; *text; text++) {
		while (!(in8(COM1 + 5) & 0x20))
			;
		out8(COM1, (u8)*text);
	}
}

static void put_number(u32 n)
{
	char text[11], *digit = text + sizeof(text) - 1;

	*digit = '\0';
	do
		*--digit = (char)('0' + n % 10);
	while (n /= 10);
	put(digit);
}

static void fail(const char *why)
{
	put("failed: ");
	put(why);
	put("\n");
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* The number after @name in @line, or @otherwise. */
static u32 option(const char *line, const char *name, u32 otherwise)
{
	for (; *line; line++) {
		const char *a = line, *b = name;

		while (*b && *a == *b)
			a++, b++;
		if (*b)
			continue;
		for (otherwise = 0; *a >= '0' && *a <= '9'; a++)
			otherwise = otherwise * 10 + (u32)(*a - '0');
		break;
	}
	return otherwise;
}

/* ---- the device ---- */

static u32 config_read(u32 function, u32 offset)
{
	out32(PCI_ADDRESS, 1u << 31 | function << 8 | offset);
	return in32(PCI_DATA);
}

static void config_write(u32 function, u32 offset, u32 value)
{
	out32(PCI_ADDRESS, 1u << 31 | function << 8 | offset);
	out32(PCI_DATA, value);
}

static volatile u32 *bar;

static void set(u32 reg, u64 value)
{
	bar[reg / 4] = (u32)value;
	bar[reg / 4 + 1] = (u32)(value >> 32);
}

/* On bus 0, where firmware has placed its BAR. */
static void find_device(void)
{
	u32 function;

	for (function = 0; function < 256; function++)
		if (config_read(function, 0) == (IODIRTY_BAR_DEVICE << 16 | IODIRTY_BAR_VENDOR))
			break;
	if (function == 256)
		fail("there is no device 1234:11e8");
	bar = at(config_read(function, 0x10) & ~0xfu);
	if (!bar)
		fail("the device has no BAR");
	config_write(function, 4, config_read(function, 4) | 6);
	if (bar[IODIRTY_BAR_ID / 4] != 0x010000edu)
		fail("its registers are no edu's");
	bar[IODIRTY_BAR_LIVENESS / 4] = 0x12345678;
	if (bar[IODIRTY_BAR_LIVENESS / 4] != ~0x12345678u)
		fail("it does not answer");
}

static void start_generator(u32 from, u32 length, u32 seed, u32 rate)
{
	set(IODIRTY_BAR_GEN_IOVA, from);
	set(IODIRTY_BAR_GEN_LENGTH, length);
	set(IODIRTY_BAR_GEN_STRIDE, PAGE);
	set(IODIRTY_BAR_GEN_SEED, seed);
	set(IODIRTY_BAR_GEN_RATE, rate);
	set(IODIRTY_BAR_GEN_COUNT, 0);
	set(IODIRTY_BAR_GEN_PATTERN, IODIRTY_PATTERN_RANDOM);
	set(IODIRTY_BAR_GEN_PASID, 0);
	bar[IODIRTY_BAR_GEN_CONTROL / 4] = 1;
	if (!(bar[IODIRTY_BAR_GEN_CONTROL / 4] & 1))
		fail("its generator does not start");
}

/* ---- the processor ---- */

struct gate {
	u16 low, selector, type, high;
};

static struct gate gates[TIMER_VECTOR + 1] __attribute__((aligned(8)));

static void start_timer(void)
{
	struct {
		u16 limit;
		u32 base;
	} __attribute__((packed)) idt = { sizeof(gates) - 1, address_of(gates) };
	u32 entry = address_of(timer);

	gates[TIMER_VECTOR] = (struct gate){ (u16)entry, CODE, 0x8e00, (u16)(entry >> 16) };
	__asm__ volatile("lidt %0" : : "m"(idt));
	out8(PIC_MASK, 0xfe);
}

/* Nothing in it is zero, nor like what is next to it (xorshift). */
static void fill(u32 *from, const u32 *to, u32 seed)
{
	u32 x = seed * 2 + 1;

	while (from < to) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		*from++ = x;
	}
}

void guest_main(const struct multiboot_info *info)
{
	const char *line = at(info->cmdline);
	u32 seed = option(line, "seed=", 1), rate = option(line, "rate=", 5000);
	/* What it is itself, and pages of the processor's own, are below. */
	u32 own = (address_of(image_end) + PAGE - 1) & ~(PAGE - 1), from = 2 * MIB;
	u32 top = (info->mem_upper * 1024u + MIB) & ~(2 * MIB - 1);
	volatile u32 *counter;

	if (!(info->flags & 1))
		fail("the size of memory was not told");
	if (own + OWN_PAGES * PAGE > from)
		fail("it does not fit below 2 MiB");
	fill(at(own), at(MIB + info->mem_upper * 1024u), seed);
	find_device();
	start_generator(from, top - from, seed, rate);
	start_timer();
	put("ready ");
	put_number(from);
	put(" ");
	put_number(top - from);
	put("\n");
	for (u32 tick = 0;; tick++) {
		for (u32 i = 0; i < OWN_PAGES; i++) {
			counter = at(own + i * PAGE);
			(*counter)++;
		}
		if (tick % TICKS_A_REPORT == 0) {
			put("completed ");
			put_number(bar[IODIRTY_BAR_GEN_COMPLETED / 4]);
			put(" faults ");
			put_number(bar[IODIRTY_BAR_GEN_FAULTS / 4]);
			put("\n");
		}
		__asm__ volatile("sti; hlt; cli" : : : "memory");
	}
}
