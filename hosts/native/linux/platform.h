// SPDX-License-Identifier: MIT
/* Clock, alarm, random numbers, files, names, standard input and output for script; see linux/natives.ts. */
#ifndef BERTH_LINUX_PLATFORM_H
#define BERTH_LINUX_PLATFORM_H

#include "xsmc.h"

void xs_berth_now(xsMachine *the);
void xs_berth_ticks(xsMachine *the);
void xs_berth_alarm(xsMachine *the);
void xs_berth_print(xsMachine *the);
void xs_berth_input(xsMachine *the);
void xs_berth_exit(xsMachine *the);
void xs_berth_make_directory(xsMachine *the);
void xs_berth_read_file(xsMachine *the);
void xs_berth_write_file(xsMachine *the);
void xs_berth_remove_file(xsMachine *the);
void xs_berth_file_size(xsMachine *the);
void xs_berth_read_file_at(xsMachine *the);
void xs_berth_write_file_at(xsMachine *the);

#endif
