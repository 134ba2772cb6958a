// SPDX-License-Identifier: MIT
#ifndef BERTH_EC_BINDING_H
#define BERTH_EC_BINDING_H

#include "xsmc.h"

void xs_berth_ec_generate(xsMachine *the);
void xs_berth_ec_sign(xsMachine *the);
void xs_berth_ec_verify(xsMachine *the);

#endif
