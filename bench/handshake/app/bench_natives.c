// SPDX-License-Identifier: MIT
/* What a measurement needs and script has not; see bench_natives.d.ts. */
#define _GNU_SOURCE

/* Of the machine itself: what XS offers in public has no peaks. */
#include "xsAll.h"
#include "xsmc.h"

#include <mbedtls/version.h>

#include <dlfcn.h>
#include <stddef.h>
#include <time.h>

void xs_bench_mbedtls_version(xsMachine *the)
{
  char text[18];
  mbedtls_version_get_string(text);
  xsmcSetString(xsResult, text);
}

void xs_bench_cpu_time(xsMachine *the)
{
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  xsmcSetNumber(xsResult, (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3);
}

void xs_bench_collect(xsMachine *the)
{
  xsmcVars(0);
  xsCollectGarbage();
}

void xs_bench_heap(xsMachine *the)
{
  double count = 0;
  switch (xsmcToInteger(xsArg(0))) {
  case 0:
    count = the->currentChunksSize;
    break;
  case 1:
    count = the->peakChunksSize;
    break;
  case 2:
    count = (double)(the->maximumChunksSize - the->currentChunksSize);
    break;
  case 3:
    count = (double)the->currentHeapCount * sizeof(txSlot);
    break;
  case 4:
    count = (double)the->peakHeapCount * sizeof(txSlot);
    break;
  case 5:
    count = (double)(the->maximumHeapCount - the->currentHeapCount) * sizeof(txSlot);
    break;
  default:
    xsRangeError("no such count");
  }
  xsmcSetNumber(xsResult, count);
}

void xs_bench_watch_peaks(xsMachine *the)
{
  the->minimumChunksSize = 1024;
  the->minimumHeapCount = 32;
  the->peakChunksSize = the->currentChunksSize;
  the->peakHeapCount = the->currentHeapCount;
}

/* Counted by heap_watch.c, which is preloaded. */
void xs_bench_allocated(xsMachine *the)
{
  size_t (*count)(int) = (size_t (*)(int))dlsym(RTLD_DEFAULT, "bench_allocated");
  if (count == NULL) xsUnknownError("heap_watch is not preloaded");
  xsmcSetNumber(xsResult, (double)count((int)xsmcToInteger(xsArg(0))));
}
