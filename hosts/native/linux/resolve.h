// SPDX-License-Identifier: MIT
#ifndef BERTH_RESOLVE_H
#define BERTH_RESOLVE_H

#include "xsmc.h"

void xs_berth_resolve(xsMachine *the);

#endif
