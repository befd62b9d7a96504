/* Stands in for the kernel's dma-heap and dma-bufs, for a process that preloads it: buffers are
 * anonymous files, and it is written down which accesses to them are bracketed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct sync {
    unsigned long long file;
    unsigned long long flags;
};

struct sync syncs[1024];
unsigned sync_count;

int ioctl(int descriptor, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (request == DMA_HEAP_IOCTL_ALLOC) {
        struct dma_heap_allocation_data *allocation = argument;
        const int file = memfd_create("dma-buf", MFD_CLOEXEC);
        if (file < 0 || ftruncate(file, (off_t)allocation->len) < 0)
            return -1;
        allocation->fd = (unsigned)file;
        return 0;
    }
    if (request == DMA_BUF_IOCTL_SYNC) {
        struct stat status;
        if (fstat(descriptor, &status) < 0)
            return -1;
        const unsigned number = __atomic_fetch_add(&sync_count, 1, __ATOMIC_SEQ_CST);
        if (number < sizeof syncs / sizeof syncs[0])
            syncs[number] = (struct sync){status.st_ino, ((struct dma_buf_sync *)argument)->flags};
        return 0;
    }
    int (*next)(int, unsigned long, ...) =
        (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    return next(descriptor, request, argument);
}
