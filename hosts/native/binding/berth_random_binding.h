// SPDX-License-Identifier: MIT
/* The native fillRandom; the SDK's linker finds it by name. */
#ifndef BERTH_RANDOM_BINDING_H
#define BERTH_RANDOM_BINDING_H

#include "xsmc.h"

void xs_berth_fill_random(xsMachine *the);

#endif
