// SPDX-License-Identifier: MIT
/*
 * The worker of @agoric/xsnap with two additions: exact counters of the heap, and the check that the device's
 * linker makes on what is preloaded. The makefile of the package compiles this file in place of its own of the
 * same name; the engine and the rest of the worker come from the package unchanged.
 *
 * Globals that it adds:
 *   counter(which)      a number, without allocating: see `Counter` in hosts/xs/counters.ts
 *   petrify(object)     freezes one object with its hidden state: private fields, maps, dates, buffers
 *   mutabilities(object) what can still be changed in all that `object` reaches, closures included: an array of paths
 *
 * BERTH_XS_HEAP="bytes,slots" in the environment sizes the first blocks of the heap, so that a run can be made to
 * collect garbage as often as on a chip; BERTH_XS_STACK the stack, in slots.
 */
#include "xsAll.h"
#include "xsnap.h"

static xsMachine* createMachine(xsCreation* creation);
static void installAdditions(xsMachine* the);

#undef xsCreateMachine
#define xsCreateMachine(_CREATION, _NAME, _CONTEXT) createMachine(_CREATION)
#define modInstallBase64 installAdditions
#include <xsnap-worker.c>
#undef modInstallBase64

extern void modInstallBase64(xsMachine* the);

static xsNumberValue collections = 0;

static xsMachine* createMachine(xsCreation* creation)
{
	const char* heap = getenv("BERTH_XS_HEAP");
	const char* stack = getenv("BERTH_XS_STACK");
	int bytes, slots;
	if (stack && (sscanf(stack, "%d", &slots) == 1) && (slots > 0))
		creation->stackCount = slots;
	if (heap && (sscanf(heap, "%d,%d", &bytes, &slots) == 2) && (bytes > 0) && (slots > 0)) {
		creation->initialChunkSize = bytes;
		creation->incrementalChunkSize = 1024;
		creation->initialHeapCount = slots;
		creation->incrementalHeapCount = 64;
	}
	return fxCreateMachine(creation, "xsnap", NULL, XS_NO_ID);
}

static void xs_counter(xsMachine* the)
{
	switch (xsToInteger(xsArg(0))) {
	case 0:
		xsResult = xsNumber(the->currentHeapCount);
		break;
	case 1:
		xsResult = xsNumber(the->currentChunksSize);
		break;
	case 2:
		xsResult = xsNumber(the->peakHeapCount);
		break;
	case 3:
		xsResult = xsNumber(the->peakChunksSize);
		break;
	case 4:
		xsResult = xsNumber(collections);
		break;
	case 5:
		xsResult = xsNumber(sizeof(txSlot));
		break;
	case 6:
		the->peakHeapCount = the->currentHeapCount;
		the->peakChunksSize = the->currentChunksSize;
		break;
	default:
		xsRangeError("no such counter");
	}
}

/* The collector marks this object once each time it runs. */
static void marked(xsMachine* the, void* data, xsMarkRoot markRoot)
{
	collections += 1;
}

static xsHostHooks watch = { NULL, marked, NULL };

static void define(xsMachine* the, xsStringValue name, xsCallback callback, xsIntegerValue length)
{
	xsResult = xsNewHostFunction(callback, length);
	xsDefine(xsGlobal, xsID(name), xsResult, xsDontEnum);
}

static void installAdditions(xsMachine* the)
{
	modInstallBase64(the);
	define(the, "counter", xs_counter, 1);
	define(the, "petrify", fx_petrify, 1);
	define(the, "mutabilities", fx_mutabilities, 1);
	xsResult = xsNewHostObject(NULL);
	xsSetHostHooks(xsResult, &watch);
	xsSetHostData(xsResult, &watch);
	xsDefine(xsGlobal, xsID("berth watch"), xsResult, xsDontEnum);
}
