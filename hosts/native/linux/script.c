// SPDX-License-Identifier: MIT
#include "script.h"

#include <stdio.h>

#include "loop.h"
#include "xsnap.h"

/* Status of sysexits.h for an internal error of the software. */
#define EXIT_SOFTWARE 70

static void report(xsMachine *the)
{
  fprintf(stderr, "berth-native: an exception escaped into C: %s\n", xsmcToString(xsException));
  berth_loop_stop(EXIT_SOFTWARE);
}

/* Promise jobs run after each call, as they do on a board. */
#define CALL(expression)                                                                                               \
  do {                                                                                                                 \
    xsBeginHost(machine);                                                                                              \
    {                                                                                                                  \
      xsTry                                                                                                            \
      {                                                                                                                \
        expression;                                                                                                    \
      }                                                                                                                \
      xsCatch                                                                                                          \
      {                                                                                                                \
        report(the);                                                                                                   \
      }                                                                                                                \
    }                                                                                                                  \
    xsEndHost(machine);                                                                                                \
    xsRunLoop(machine);                                                                                                \
  } while (0)

void berth_call(xsMachine *machine, xsSlot *callback)
{
  CALL((void)xsCallFunction0(xsAccess(*callback), xsGlobal));
}

void berth_call_number(xsMachine *machine, xsSlot *callback, double number)
{
  CALL((void)xsCallFunction1(xsAccess(*callback), xsGlobal, xsNumber(number)));
}

void berth_call_bytes(xsMachine *machine, xsSlot *callback, void *bytes, int count)
{
  CALL(xsmcVars(1); xsmcSetArrayBuffer(xsVar(0), bytes, count);
       (void)xsCallFunction1(xsAccess(*callback), xsGlobal, xsVar(0)));
}

void berth_run_file(xsMachine *machine, const char *path)
{
  CALL(fxRunProgramFile(the, (char *)path));
}
