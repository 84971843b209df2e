module load-client

go 1.23
