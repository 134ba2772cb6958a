// SPDX-License-Identifier: MIT
/* Calls from C into script. */
#ifndef BERTH_SCRIPT_H
#define BERTH_SCRIPT_H

#include "xsmc.h"

/*
 * Calls the function in `callback`, which was remembered, with what `arguments` pushes: nothing, a number, or bytes.
 * An exception that escapes stops the program with status 70, as it would restart a board.
 */
void berth_call(xsMachine *the, xsSlot *callback);
void berth_call_number(xsMachine *the, xsSlot *callback, double number);
void berth_call_bytes(xsMachine *the, xsSlot *callback, void *bytes, int count);

/* Runs the script in a file. Stops the program with status 70 when it throws. */
void berth_run_file(xsMachine *the, const char *path);

/* Defines the natives as properties of the global object `berthNatives`. */
void berth_install_natives(xsMachine *the);

#endif
