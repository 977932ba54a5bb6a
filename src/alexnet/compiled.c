/* The smallest library: whether a compiler here makes one, with OpenMP, that can be loaded. */

int threads_of(int wished) {
    int counted = 0;
#pragma omp parallel for reduction(+ : counted) num_threads(wished)
    for (int thread = 0; thread < wished; thread++) counted++;
    return counted;
}
