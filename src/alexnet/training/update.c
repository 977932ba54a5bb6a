/* One update of one tensor by the rule of 2012, each number read once and written once (optimizer.py, SGD2012):
   v = momentum v + shrink w + rate g with shrink = -decay times the rate, rate negative;  w = w + v. */

void sgd_2012(float *restrict weights, float *restrict velocity, const float *restrict gradient, long count,
              float momentum, float shrink, float rate, int threads) {
#pragma omp parallel for simd schedule(static) num_threads(threads) if (count > 32768)
    for (long i = 0; i < count; i++) {
        float v = momentum * velocity[i] + shrink * weights[i] + rate * gradient[i];
        velocity[i] = v;
        weights[i] += v;
    }
}
