#include "run_loop.h"

#include <atomic>
#include <cerrno>
#include <ctime>
#include <system_error>

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace imx500 {

namespace {

/* A forked child has the objects but none of libcamera's threads, and perhaps a lock that one of
 * them held: there, every call that could wait for ever does nothing. */
std::atomic<unsigned int> process_generation{0};

void watch_forks() {
    static std::once_flag once;
    std::call_once(
        once, [] { pthread_atfork(nullptr, nullptr, [] { process_generation.fetch_add(1); }); });
}

int made(int fd, const char *what) {
    if (fd < 0)
        throw std::system_error(errno, std::generic_category(), what);
    return fd;
}

int make_event_fd() {
    watch_forks();
    return made(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
}

std::int64_t now_ns() noexcept {
    timespec now = {};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1000000000 + now.tv_nsec;
}

void sync_dma_buf(int fd, std::uint64_t direction) noexcept {
    dma_buf_sync sync = {};
    sync.flags = DMA_BUF_SYNC_READ | direction;
    while (ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync) < 0 && (errno == EINTR || errno == EAGAIN)) {
    }
}

} // namespace

descriptor::~descriptor() {
    if (number_ >= 0)
        close(number_);
}

run_loop::run_loop(libcamera::Camera &camera, const std::vector<loop_slot> &slots, bool only_latest)
    : camera_(camera), only_latest_(only_latest), event_fd_(make_event_fd()),
      process_(process_generation.load()), slots_(slots), pending_(camera.controls()) {
    dma_bufs_.reserve(slots_.size());
    for (loop_slot &slot : slots_)
        if (slot.dma_buf >= 0) {
            dma_bufs_.emplace_back(made(fcntl(slot.dma_buf, F_DUPFD_CLOEXEC, 0), "fcntl"));
            slot.dma_buf = dma_bufs_.back().number();
        }
    /* Nothing may be allocated later, in a finaliser or on the camera's thread. */
    ready_.reserve(slots_.size());
    returned_.reserve(slots_.size());
    /* A request that is refused again is parked again before its old entry goes. */
    parked_.reserve(2 * slots_.size());
}

run_loop::~run_loop() {
    stop();
}

bool run_loop::forked() const noexcept {
    return process_ != process_generation.load();
}

int run_loop::start(libcamera::Request &carrier) {
    camera_.requestCompleted.connect(this, &run_loop::completed);
    const int result = camera_.start(&carrier.controls());
    if (result < 0) {
        camera_.requestCompleted.disconnect(this, &run_loop::completed);
        return result;
    }
    const std::lock_guard hold(lock_);
    running_ = true;
    for (std::size_t index = 0; index < slots_.size(); index++)
        queue(index);
    return 0;
}

int run_loop::stop() {
    if (forked())
        return 0;
    {
        /* Behind this lock nobody queues any more: a request that reached the pipeline after its
         * stop would end the process. */
        const std::lock_guard hold(lock_);
        if (!running_)
            return 0;
        running_ = false;
        wake();
    }
    const int result = camera_.stop();
    /* stop() has waited for the thread that calls the slot. */
    camera_.requestCompleted.disconnect(this, &run_loop::completed);
    return result;
}

/* On libcamera's thread. */
void run_loop::completed(libcamera::Request *request) {
    const std::lock_guard hold(lock_);
    if (!running_)
        return;
    const auto index = static_cast<std::size_t>(request->cookie());
    if (request->status() == libcamera::Request::RequestCancelled) {
        /* Requeued with the next good frame only: a camera that cancels everything would
         * otherwise keep this thread busy for nothing. */
        counts_.cancelled++;
        parked_.push_back(index);
        return;
    }
    counts_.cancelled = 0;
    queue_all(parked_);
    counts_.completed++;
    if (only_latest_) {
        counts_.dropped += ready_.size();
        queue_all(ready_);
    }
    slots_[index].completed_ns = busy_ns_ = now_ns();
    ready_.push_back(index);
    wake();
}

void run_loop::queue(std::size_t index) {
    loop_slot &slot = slots_[index];
    if (slot.in_access) {
        sync_dma_buf(slot.dma_buf, DMA_BUF_SYNC_END);
        slot.in_access = false;
    }
    slot.request->reuse(libcamera::Request::ReuseBuffers);
    if (!pending_.empty()) {
        slot.request->controls().merge(pending_);
        pending_.clear();
    }
    if (camera_.queueRequest(slot.request) < 0) {
        counts_.cancelled++;
        parked_.push_back(index);
        return;
    }
    busy_ns_ = now_ns();
}

void run_loop::queue_all(std::vector<std::size_t> &indices) {
    /* By number, as a request that is refused is parked again. */
    const std::size_t count = indices.size();
    for (std::size_t i = 0; i < count; i++)
        queue(indices[i]);
    indices.erase(indices.begin(), indices.begin() + static_cast<std::ptrdiff_t>(count));
}

turn run_loop::take(std::size_t &index, std::size_t &held) noexcept {
    const std::lock_guard hold(lock_);
    if (!running_)
        return TURN_STOPPED;
    queue_all(returned_);
    if (ready_.empty()) {
        /* Under the lock, so that no event that comes after this look is lost. */
        if (signalled_) {
            eventfd_t ignored;
            eventfd_read(event_fd_.number(), &ignored);
            signalled_ = false;
        }
        return TURN_NOTHING;
    }
    index = ready_.front();
    ready_.erase(ready_.begin());
    slots_[index].held = true;
    held = ++held_;
    return TURN_FRAME;
}

void run_loop::wait(int timeout_ms) noexcept {
    pollfd event = {event_fd_.number(), POLLIN, 0};
    poll(&event, 1, timeout_ms);
}

void run_loop::begin_access(std::size_t index) noexcept {
    sync_dma_buf(slots_[index].dma_buf, DMA_BUF_SYNC_START);
    if (forked())
        return;
    /* Two threads may look at one picture, and the camera's own must not wait for the first line.
     */
    const std::lock_guard hold(lock_);
    slots_[index].in_access = true;
}

void run_loop::give_back(std::size_t index) noexcept {
    if (forked())
        return;
    const std::lock_guard hold(lock_);
    slots_[index].held = false;
    held_--;
    if (!running_)
        return;
    returned_.push_back(index);
    /* The consumer may be waiting for a frame that needs this very buffer. */
    wake();
}

void run_loop::set_controls(libcamera::Request &carrier) {
    const std::lock_guard hold(lock_);
    pending_.merge(carrier.controls(), libcamera::ControlList::MergePolicy::OverwriteExisting);
}

bool run_loop::running() const noexcept {
    const std::lock_guard hold(lock_);
    return running_;
}

loop_counts run_loop::counts() const noexcept {
    const std::lock_guard hold(lock_);
    loop_counts counts = counts_;
    counts.silent_ns = now_ns() - busy_ns_;
    return counts;
}

bool run_loop::holds(std::size_t index) const noexcept {
    const std::lock_guard hold(lock_);
    return slots_[index].held;
}

void run_loop::wake() noexcept {
    if (!signalled_)
        eventfd_write(event_fd_.number(), 1);
    signalled_ = true;
}

} // namespace imx500
