# Rakes a folder's sample with R's survey package; prints the seconds of survey::rake.
suppressPackageStartupMessages(library(survey))
folder <- commandArgs(TRUE)[1]
n <- as.integer(commandArgs(TRUE)[2])
sizes <- as.integer(strsplit(commandArgs(TRUE)[3], ",")[[1]])
read <- function(name, what, count) readBin(file.path(folder, name), what, n = count, size = if (what == "integer") 4 else 8)
frame <- data.frame(wgt = read("base.bin", "numeric", n))
margins <- list()
population <- list()
for (i in seq_along(sizes)) {
  column <- paste0("x", i - 1)
  frame[[column]] <- factor(read(paste0(column, ".codes.bin"), "integer", n), levels = seq_len(sizes[i]) - 1)
  shares <- read(paste0(column, ".shares.bin"), "numeric", sizes[i])
  margins[[i]] <- as.formula(paste0("~", column))
  population[[i]] <- setNames(data.frame(factor(seq_len(sizes[i]) - 1), shares * n), c(column, "Freq"))
}
design <- svydesign(ids = ~1, weights = ~wgt, data = frame)
seconds <- system.time(
  raked <- rake(design, margins, population, control = list(maxit = 100, epsilon = 1e-12, verbose = FALSE))
)[["elapsed"]]
writeBin(weights(raked), file.path(folder, "survey.bin"))
cat(seconds, "\n")
