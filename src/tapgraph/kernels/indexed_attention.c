/* Attention of the queries of one token over listed tokens, read once and where they lie.

   One list belongs to one KV head and to `group` neighbouring query heads. Scores are taken in
   tiles with a running maximum (online softmax), all in float32. `indices` is NULL for the first
   `counts` tokens in their order. Rows are prefetched, for lists that are scattered are bound by
   the time to memory and not by its width.
*/
#include <math.h>
#include <stdint.h>
#include <string.h>

#define TILE 32
#define AHEAD 12
#define WIDEST 256
#define BLOCK 64
#define LARGEST_GROUP 16
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    const void *keys, *values;
    int64_t head_stride, token_stride; /* in elements */
    const int64_t *indices, *counts;
    int64_t most, lists_per_kv_head;
    const float *queries; /* scaled, [lists, group, head_dim] */
    float *output, *log_sum_exp;
    int64_t group, head_dim;
} Call;

INLINE float exponential(float x) {
    /* 2^whole * e^rest with a polynomial: relative error below 2e-7, and it vectorises. */
    x = x < -87.0f ? -87.0f : x;
    float whole = floorf(x * 1.44269504f + 0.5f);
    float rest = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * rest + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    p = p * rest * rest + rest + 1.0f;
    int32_t bits = ((int32_t)whole + 127) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return p * power;
}

INLINE void widen(float *to, const void *row, int64_t width, int is_half) {
    if (is_half) {
        const uint16_t *from = row;
        uint32_t *bits = (uint32_t *)(void *)to;
        for (int64_t i = 0; i < width; i++) bits[i] = (uint32_t)from[i] << 16;
    } else {
        memcpy(to, row, 4 * width);
    }
}

INLINE void prefetch(const char *row, int64_t bytes) {
    for (int64_t at = 0; at < bytes; at += 64) __builtin_prefetch(row + at);
}

/* Channels behind a multiple of BLOCK are summed apart from those before them. So a query that is 0
   there gets the very bits that it gets without them: what highlighting adds to a head. */
INLINE float product(const float *query, const float *key, const int64_t width) {
    float total = 0.0f, rest = 0.0f;
    int64_t i = 0;
    for (; i + BLOCK <= width; i += BLOCK) {
        float part = 0.0f;
        for (int64_t j = 0; j < BLOCK; j++) part += query[i + j] * key[i + j];
        total += part;
    }
    for (; i < width; i++) rest += query[i] * key[i];
    return total + rest;
}

INLINE void attend(const Call *call, int64_t list, const int64_t width, const int is_half) {
    const int64_t group = call->group;
    float scores[LARGEST_GROUP][TILE], sums[LARGEST_GROUP][WIDEST];
    float most[LARGEST_GROUP], total[LARGEST_GROUP], rows[4][WIDEST];
    const int64_t bytes = is_half ? 2 : 4, count = call->counts[list];
    const int64_t step = call->token_stride * bytes;
    const int64_t head = list / call->lists_per_kv_head * call->head_stride * bytes;
    const char *keys = (const char *)call->keys + head;
    const char *values = (const char *)call->values + head;
    const int64_t *indices = call->indices ? call->indices + list * call->most : 0;
    const float *queries = call->queries + list * group * width;
#define ROW(at) (indices ? indices[at] : (at))
    for (int64_t g = 0; g < group; g++) {
        most[g] = -1e30f;
        total[g] = 0.0f;
        for (int64_t i = 0; i < width; i++) sums[g][i] = 0.0f;
    }
    for (int64_t first = 0; first < count; first += TILE) {
        const int64_t size = count - first < TILE ? count - first : TILE;
        for (int64_t t = 0; t < size; t++) {
            const int64_t ahead = first + t + AHEAD;
            if (indices && ahead < count) prefetch(keys + ROW(ahead) * step, width * bytes);
            if (indices) prefetch(values + ROW(first + t) * step, width * bytes);
            widen(rows[0], keys + ROW(first + t) * step, width, is_half);
            for (int64_t g = 0; g < group; g++)
                scores[g][t] = product(queries + g * width, rows[0], width);
        }
        for (int64_t g = 0; g < group; g++) {
            float best = most[g];
            for (int64_t t = 0; t < size; t++) best = scores[g][t] > best ? scores[g][t] : best;
            const float shrink = exponential(most[g] - best);
            for (int64_t t = size; t < TILE; t++) scores[g][t] = -1e30f;
            float added = 0.0f;
            for (int64_t t = 0; t < TILE; t++) {
                scores[g][t] = exponential(scores[g][t] - best);
                added += t < size ? scores[g][t] : 0.0f;
            }
            total[g] = total[g] * shrink + added;
            most[g] = best;
            if (shrink != 1.0f)
                for (int64_t i = 0; i < width; i++) sums[g][i] *= shrink;
        }
        int64_t t = 0;
        for (; t + 4 <= size; t += 4) {
            for (int64_t r = 0; r < 4; r++)
                widen(rows[r], values + ROW(first + t + r) * step, width, is_half);
            for (int64_t g = 0; g < group; g++) {
                const float a = scores[g][t], b = scores[g][t + 1];
                const float c = scores[g][t + 2], d = scores[g][t + 3];
                for (int64_t i = 0; i < width; i++)
                    sums[g][i] += a * rows[0][i] + b * rows[1][i] + c * rows[2][i] + d * rows[3][i];
            }
        }
        for (; t < size; t++) {
            widen(rows[0], values + ROW(first + t) * step, width, is_half);
            for (int64_t g = 0; g < group; g++)
                for (int64_t i = 0; i < width; i++) sums[g][i] += scores[g][t] * rows[0][i];
        }
    }
#undef ROW
    for (int64_t g = 0; g < group; g++) {
        const float share = count ? 1.0f / total[g] : 0.0f;
        float *output = call->output + (list * group + g) * width;
        for (int64_t i = 0; i < width; i++) output[i] = sums[g][i] * share;
        call->log_sum_exp[list * group + g] = count ? most[g] + logf(total[g]) : -INFINITY;
    }
}

INLINE void score(const Call *call, int64_t list, const int64_t width, const int is_half) {
    float row[WIDEST];
    const int64_t bytes = is_half ? 2 : 4, count = call->counts[list], group = call->group;
    const int64_t step = call->token_stride * bytes;
    const char *keys = (const char *)call->keys +
                       list / call->lists_per_kv_head * call->head_stride * bytes;
    const int64_t *indices = call->indices ? call->indices + list * call->most : 0;
    const float *queries = call->queries + list * group * width;
    float *scores = call->output + list * group * call->most;
    for (int64_t at = 0; at < count; at++) {
        if (indices && at + AHEAD < count) prefetch(keys + indices[at + AHEAD] * step, width * bytes);
        widen(row, keys + (indices ? indices[at] : at) * step, width, is_half);
        for (int64_t g = 0; g < group; g++)
            scores[g * call->most + at] = product(queries + g * width, row, width);
    }
}

#define FOR_EACH_LIST(compute) \
    for (int64_t list = first; list < last; list++) { \
        if (call->head_dim == 128 && is_half) compute(call, list, 128, 1); \
        else if (call->head_dim == 64 && is_half) compute(call, list, 64, 1); \
        else if (is_half) compute(call, list, call->head_dim, 1); \
        else if (call->head_dim == 128) compute(call, list, 128, 0); \
        else if (call->head_dim == 64) compute(call, list, 64, 0); \
        else compute(call, list, call->head_dim, 0); \
    }

/* Only the products with the keys: `output` is [lists, group, most]. Lists from `first` on. */
void score_lists(const Call *call, int64_t first, int64_t last, int32_t is_half) {
    FOR_EACH_LIST(score)
}

/* Lists from `first` up to `last`; at most 256 channels, and 16 query heads for a list. */
void attend_to_lists(const Call *call, int64_t first, int64_t last, int32_t is_half) {
    FOR_EACH_LIST(attend)
}

typedef struct {
    char *keys, *values; /* [kv_heads, room, head_dim] */
    int64_t head_stride; /* in elements */
    int64_t tokens;      /* the newest among them */
} Text;

typedef struct {
    const Text *texts;
    const char *keys, *values; /* of the newest tokens, [texts, kv_heads, head_dim] */
    const float *queries;      /* scaled, [texts, kv_heads, group, head_dim] */
    float *output;
    int64_t kv_heads, group, head_dim;
} Newest;

/* The newest token of each text is stored behind its others, and attends to all of them. A list is a
   KV head of a text; lists from `first` up to `last`. */
void attend_to_texts(const Newest *newest, int64_t first, int64_t last, int32_t is_half) {
    const int64_t width = newest->head_dim, bytes = width * (is_half ? 2 : 4);
    const int64_t asking = newest->group * width;
    float log_sum_exp[LARGEST_GROUP];
    for (int64_t list = first; list < last; list++) {
        const Text *text = newest->texts + list / newest->kv_heads;
        const int64_t head = list % newest->kv_heads * text->head_stride / width * bytes;
        char *keys = text->keys + head, *values = text->values + head;
        memcpy(keys + (text->tokens - 1) * bytes, newest->keys + list * bytes, bytes);
        memcpy(values + (text->tokens - 1) * bytes, newest->values + list * bytes, bytes);
        const Call call = {keys, values, 0, width, 0, &text->tokens, 0, 1,
                           newest->queries + list * asking, newest->output + list * asking,
                           log_sum_exp, newest->group, width};
        attend_to_lists(&call, 0, 1, is_half);
    }
}

typedef struct {
    const char *keys;
    int64_t head_stride, token_stride; /* in elements */
    const float *queries;              /* [lists, most_queries, head_dim] */
    const int64_t *first, *end;        /* the slots that are searched, [blocks] */
    int64_t *found, *scored;           /* key blocks or -1, [lists, chunks]; keys looked at, [lists] */
    int64_t group, head_dim, blocks, most_queries, chunks, key_block, key_stride, representative;
} Search;

typedef struct {
    int64_t begin, length; /* in key blocks */
    float score;
} Branch;

static float nth_largest(float *values, int64_t count, int64_t n) {
    for (int64_t low = 0, high = count - 1; low < high;) {
        const float pivot = values[(low + high) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (values[i] > pivot) i++;
            while (values[j] < pivot) j--;
            if (i > j) break;
            const float other = values[i];
            values[i++] = values[j];
            values[j--] = other;
        }
        if (n <= j) high = j;
        else if (n >= i) low = i;
        else break;
    }
    return values[n];
}

/* The key block of a branch that stands for it: its first, middle or last one. */
INLINE int64_t standing_for(const Branch *branch, int64_t representative) {
    if (representative == 1) return branch->begin + branch->length / 2;
    return branch->begin + (representative ? branch->length - 1 : 0);
}

INLINE void search(const Search *call, int64_t list, const int64_t width, const int is_half) {
    const int64_t bytes = is_half ? 2 : 4, count = call->chunks, block = call->key_block;
    Branch chunks[count], branches[2 * count];
    float row[WIDEST], sorted[2 * count];
    const int64_t step = call->token_stride * bytes, first = call->first[list % call->blocks];
    const int64_t end = call->end[list % call->blocks];
    const int64_t leaves = end > first ? (end - first + block - 1) / block : 0;
    const char *keys = call->keys + list / call->blocks / call->group * call->head_stride * bytes;
    const float *queries = call->queries + list * call->most_queries * width;
    int64_t scored = 0, longest = 0;
    for (int64_t j = 0; j < count; j++) {
        const int64_t from = (2 * j * leaves + count) / (2 * count);
        const int64_t to = (2 * (j + 1) * leaves + count) / (2 * count);
        chunks[j] = (Branch){from, to - from, 0.0f};
        longest = to - from > longest ? to - from : longest;
    }
    while (longest > 1) {
        for (int64_t j = 0; j < count; j++) {
            const int64_t left = (chunks[j].length + 1) / 2;
            branches[2 * j] = (Branch){chunks[j].begin, left, -INFINITY};
            branches[2 * j + 1] =
                (Branch){chunks[j].begin + left, chunks[j].length - left, -INFINITY};
        }
        for (int64_t b = 0; b < 2 * count; b++) {
            Branch *branch = branches + b;
            if (b + AHEAD < 2 * count) {
                const int64_t ahead = standing_for(branch + AHEAD, call->representative);
                prefetch(keys + (first + ahead * block) * step, block * width * bytes);
            }
            const int64_t slot = first + standing_for(branch, call->representative) * block;
            for (int64_t at = 0; branch->length && at < block; at += call->key_stride) {
                scored++;
                if (slot + at >= end) continue;
                widen(row, keys + (slot + at) * step, width, is_half);
                for (int64_t q = 0; q < call->most_queries; q++) {
                    const float reached = product(queries + q * width, row, width);
                    branch->score = reached > branch->score ? reached : branch->score;
                }
            }
            sorted[b] = branch->score;
        }
        const float least = nth_largest(sorted, 2 * count, count - 1);
        int64_t above = 0, kept = 0;
        for (int64_t b = 0; b < 2 * count; b++) above += branches[b].score > least;
        longest = 0;
        for (int64_t b = 0, equals = count - above; b < 2 * count; b++) {
            const int is_tie = branches[b].score == least;
            if (branches[b].score < least || (is_tie && equals-- <= 0)) continue;
            chunks[kept++] = branches[b];
            longest = branches[b].length > longest ? branches[b].length : longest;
        }
    }
    for (int64_t j = 0; j < count; j++)
        call->found[list * count + j] = chunks[j].length ? chunks[j].begin : -1;
    call->scored[list] = scored;
}

/* HiP's search (hip_search.py); a list for each head and query block, from `first` up to `last`. */
void search_trees(const Search *call, int64_t first, int64_t last, int32_t is_half) {
    FOR_EACH_LIST(search)
}
