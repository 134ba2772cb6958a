// SPDX-License-Identifier: MIT
/* TCP sockets for script; what they offer is declared in linux/natives.ts. */
#ifndef BERTH_LINUX_TCP_H
#define BERTH_LINUX_TCP_H

#include "xsmc.h"

void xs_berth_tcp_destructor(void *data);
void xs_berth_tcp(xsMachine *the);
void xs_berth_tcp_read(xsMachine *the);
void xs_berth_tcp_write(xsMachine *the);
void xs_berth_tcp_close(xsMachine *the);

#endif
