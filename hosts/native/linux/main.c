// SPDX-License-Identifier: MIT
/*
 * berth-native: the device's code on the XS engine, on Linux, with TLS and HMAC in C as on a board.
 *
 *   berth-native [SCRIPT]      SCRIPT: default device.js beside the program
 *
 * The script reads its options and commands from standard input; see linux/main.ts. Exit status: the script's own,
 * 70 when an exception escaped into C or the machine aborted.
 */
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loop.h"
#include "script.h"
#include "xsnap.h"

#define EXIT_SOFTWARE 70

extern void modInstallTextDecoder(xsMachine *the);
extern void modInstallTextEncoder(xsMachine *the);

#if mxStress
extern int gxStress;
#endif

static void script_beside_program(char path[PATH_MAX])
{
  char program[PATH_MAX] = "";
  if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) perror("/proc/self/exe");
  if (snprintf(path, PATH_MAX, "%s/device.js", dirname(program)) >= PATH_MAX) path[0] = 0;
}

int main(int count, char **arguments)
{
  char script[PATH_MAX];
  if (count > 1) snprintf(script, sizeof script, "%s", arguments[1]);
  else script_beside_program(script);
  signal(SIGPIPE, SIG_IGN);
  /* Chunks and slots start as small as on a chip; the parser's part is for a bundle that a board has in ROM. */
  xsCreation creation = {
    .initialChunkSize = 64 * 1024,
    .incrementalChunkSize = 16 * 1024,
    .initialHeapCount = 4096,
    .incrementalHeapCount = 1024,
    .stackCount = 4096,
    .initialKeyCount = 4096,
    .incrementalKeyCount = 1024,
    .nameModulo = 1993,
    .symbolModulo = 127,
    .parserBufferSize = 8 * 1024 * 1024,
    .parserTableModulo = 1993,
  };
  fxInitializeSharedCluster();
  xsMachine *the = xsCreateMachine(&creation, "berth", NULL);
  if (the == NULL) {
    fprintf(stderr, "berth-native: no memory for XS\n");
    return EXIT_SOFTWARE;
  }
  modInstallTextDecoder(the);
  modInstallTextEncoder(the);
  berth_install_natives(the);
  berth_run_file(the, script);
#if mxStress
  /* Not before: the bundle is read in seconds then. */
  if (getenv("BERTH_GC_STRESS") != NULL) gxStress = 1;
#endif
  int status = berth_loop_run(the);
  if (the->abortStatus != 0) status = EXIT_SOFTWARE;
  xsDeleteMachine(the);
  berth_loop_clear();
  fxTerminateSharedCluster();
  return status;
}
