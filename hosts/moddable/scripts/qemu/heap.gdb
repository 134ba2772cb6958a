# SPDX-License-Identifier: MIT
# What a running chip has of memory, read through QEMU's gdb server: free bytes of the heap of C now and at the least, what
# the task of XS has never used of its stack, and what XS holds for good: chunks, slots, its own stack, and what of `static` it
# has not touched. The task is caught where C calls script. measure.ts connects first.
set confirm off
set pagination off
set width 0
hbreak fxBeginHost
continue
set $heap = registered_heaps.slh_first
set $free = 0
set $least = 0
while $heap != 0
  if $heap->heap != 0
    set $free = $free + ((struct multi_heap_info *)$heap->heap)->free_bytes
    set $least = $least + ((struct multi_heap_info *)$heap->heap)->minimum_free_bytes
  end
  set $heap = $heap->next.sle_next
end
set $task = pxCurrentTCBs[0]
set $bottom = (unsigned char *)$task->pxStack
set $end = (unsigned char *)$task->pxEndOfStack
set $byte = $bottom
while $byte < $end && *$byte == 0xa5
  set $byte = $byte + 1
end
printf "berth-memory free %u least %u stack %u unused %u task %s\n", $free, $least, $end - $bottom, $byte - $bottom, $task->pcTaskName
printf "berth-xs chunks %d slots %d stack %d untouched %d\n", the->maximumChunksSize, the->maximumHeapCount * sizeof(txSlot), (the->stackTop - the->stackBottom) * sizeof(txSlot), the->heap_pend - the->heap_ptr
delete
detach
quit
