/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The result: one record a case (test x configuration), written once, in memory
 * that the runner shares with the processes that run the cases. Console, KTAP,
 * JUnit and JSON are views of it and decide nothing.
 */
#ifndef IODIRTY_RESULT_H
#define IODIRTY_RESULT_H

#include <stdatomic.h>
#include <stdint.h>

#include "ct.h"

enum verdict {
	VERDICT_NOT_RUN, /* an interrupted run has these; it is not a pass */
	VERDICT_RUNNING, /* left so by a case that died: CRASH or HANG */
	VERDICT_PASS,
	VERDICT_FAIL,
	VERDICT_SKIP,
	VERDICT_XFAIL, /* failed as the named deviation says */
	VERDICT_XPASS, /* passed although a deviation is listed: fails the run */
	VERDICT_NOT_CAPABLE, /* the IOMMU under test cannot track, and says so */
	VERDICT_HANG,
	VERDICT_CRASH,
};

/* What record.final is then: no test that scribbles hits upon it. */
#define RECORD_FINAL 0xf17a1u

#define RECORD_MESSAGE 2048
#define RECORD_MEASURES 8

struct record {
	_Atomic uint32_t verdict; /* enum verdict; the case's own word until @final */
	_Atomic uint32_t final; /* RECORD_FINAL: judged by the runner, stands */
	char message[RECORD_MESSAGE]; /* why, for every verdict but PASS */
	char notes[RECORD_MESSAGE];
	char deviation[32]; /* id, for XFAIL and XPASS */
	double seconds;
	unsigned int measures;
	struct {
		char name[32];
		char unit[16];
		double value;
	} measure[RECORD_MEASURES];
};

/* A case: what the record is of. Fixed before the run starts. */
struct ct_case {
	const struct ct_test *test;
	struct ct_config config;
	char config_name[48]; /* "amd-v1/64K", or "-" for CT_ONCE */
	struct record *record;
};

/* The record of the case that this process runs; ct_fail and its like write it. */
extern struct record *ct_record;

#endif
